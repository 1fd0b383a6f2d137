"""Debian's mosquitto between our driver and a light: the real broker, its password file, its access list, its certificates."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import aiomqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devices.mqtt.lamp import Lamp
from devices.mqtt.tests.test_conversation import FAMILY, TOPIC
from devices.sdk import LinkState, Session, Set, Settings, WrongPassword, parse_address
from devices.sdk.errors import BadSetting, ConfigurationError
from devices.sdk.testing.rig import AtOnce, Witness, quick

pytestmark = pytest.mark.needs("mosquitto")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@asynccontextmanager
async def mosquitto(folder: Path, *lines: str) -> AsyncIterator[int]:
    """A broker of this test alone; returns its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text("\n".join([f"listener {port} 127.0.0.1", "persistence false", "user root", *lines]) + "\n")
    program = shutil.which("mosquitto", path=PATH)
    assert program
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    await writer.wait_closed()
                    break
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def light(port: int, **login: str) -> AsyncIterator[Lamp]:
    """The device as a client of the broker, as zigbee2mqtt is one."""
    async with aiomqtt.Client("127.0.0.1", port, timeout=5, **login) as client, asyncio.TaskGroup() as tasks:  # type: ignore[arg-type]  # names of a login
        outbox: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue(maxsize=64)

        def publish(suffix: str, payload: bytes, keep: bool) -> None:
            outbox.put_nowait((f"{TOPIC}/{suffix}" if suffix else TOPIC, payload, keep))

        async def speak() -> None:
            while True:
                topic, payload, keep = await outbox.get()
                await client.publish(topic, payload, qos=1, retain=keep)

        async def hear() -> None:
            async for message in client.messages:
                one.heard(message.topic.value.removeprefix(f"{TOPIC}/"), message.payload)

        one = Lamp({"state": 1}, publish, dimmable=True)
        await client.subscribe([(f"{TOPIC}/set", 1), (f"{TOPIC}/get", 1)])
        one.announce()
        running = [tasks.create_task(speak()), tasks.create_task(hear())]
        try:
            yield one
        finally:
            for task in running:
                task.cancel()


@dataclass
class Room:
    """A session of ours."""

    session: Session
    told: Witness

    async def reach(self, *states: LinkState) -> None:
        """Wait for one of these states."""
        async with asyncio.timeout(10):
            while self.session.status.state not in states:
                await asyncio.sleep(0.005)

    async def hears(self, name: str, value: object) -> None:
        """Wait for a reading."""
        async with asyncio.timeout(10):
            while (reading := self.session.reading(name)) is None or reading.value != value:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def room(at: str, settings: Mapping[str, object] | None = None) -> AsyncIterator[Room]:
    """A session to the light behind the broker at an address."""
    manifest = quick(FAMILY.manifest, {"reply_timeout_ms": 500, "poll_s": 0.5})
    driver = FAMILY.driver(manifest, Settings(manifest, {"topic": TOPIC, **(settings or {})}))
    told = Witness()
    session = Session(driver, parse_address(at, manifest), told, random=AtOnce())
    async with asyncio.TaskGroup() as tasks:
        life = tasks.create_task(session.run())
        try:
            yield Room(session, told)
        finally:
            life.cancel()


async def test_a_light_behind_mosquitto(tmp_path: Path) -> None:
    """Switched, dimmed, pressed by hand, unplugged and plugged in again."""
    async with (
        mosquitto(tmp_path, "allow_anonymous true") as port,
        light(port) as lamp,
        room(f"mqtt://127.0.0.1:{port}") as one,
    ):
        await one.reach(LinkState.READY)
        await one.session.execute(Set("level", 50))
        assert (await one.session.read("level")).value == 50.0
        assert lamp.state() == {"state": "ON", "brightness": 127}
        lamp.switches["state"] = False
        lamp.tell()
        await one.hears("relay.1", value=False)
        lamp.radio = False
        lamp.announce()
        await one.reach(LinkState.OFFLINE)
        assert "is offline" in str(one.session.status.error)
        lamp.radio = True
        lamp.announce()
        await one.reach(LinkState.READY)


async def test_a_restarted_broker_is_found_again(tmp_path: Path) -> None:
    """Stopped and started again on its port: offline in between, by itself back."""
    quiet = mosquitto(tmp_path, "allow_anonymous true")
    async with quiet as port, light(port), room(f"mqtt://127.0.0.1:{port}") as one:
        await one.reach(LinkState.READY)
    # The broker is gone, the port is known: a session that begins now waits for it.
    config = tmp_path / "mosquitto.conf"
    program = shutil.which("mosquitto", path=PATH)
    assert program
    async with room(f"mqtt://127.0.0.1:{port}") as one:
        await one.reach(LinkState.OFFLINE)
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            await asyncio.sleep(0.2)
            async with light(port):
                await one.reach(LinkState.READY)
        finally:
            process.terminate()
            await process.wait()
        await one.reach(LinkState.OFFLINE)


async def test_mosquittos_password_file(tmp_path: Path) -> None:
    """The right password lets in; a wrong one is REFUSED by name."""
    passwords = tmp_path / "passwords"
    tool = shutil.which("mosquitto_passwd", path=PATH)
    assert tool
    made = await asyncio.create_subprocess_exec(tool, "-c", "-b", str(passwords), "ruang", "rahasia")
    assert await made.wait() == 0
    lines = ("allow_anonymous false", f"password_file {passwords}")
    async with mosquitto(tmp_path, *lines) as port, light(port, username="ruang", password="rahasia"):
        async with room(f"mqtt://127.0.0.1:{port}", {"username": "ruang", "password": "rahasia"}) as one:
            await one.reach(LinkState.READY)
        for wrong in ({"username": "ruang", "password": "salah"}, {}):
            async with room(f"mqtt://127.0.0.1:{port}", wrong) as one:
                await one.reach(LinkState.REFUSED)
                assert isinstance(one.session.status.error, WrongPassword)


async def test_mosquittos_access_list(tmp_path: Path) -> None:
    """Not allowed to read the device: told as such, since only the broker's administrator can mend it."""
    (tmp_path / "rights").write_text("topic read lain/#\n")
    lines = ("allow_anonymous true", f"acl_file {tmp_path / 'rights'}")
    async with mosquitto(tmp_path, *lines) as port, room(f"mqtt://127.0.0.1:{port}") as one:
        await one.reach(LinkState.REFUSED, LinkState.OFFLINE)
        error = one.session.status.error
    # mosquitto before 2.1 grants the subscription and delivers nothing: the light is then merely silent.
    assert isinstance(error, ConfigurationError) or "does not answer" in str(error)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_encrypted_with_our_own_authority(tmp_path: Path) -> None:
    """Its certificate opens the line; another authority's closes it, and a missing file is a setting."""
    ours, theirs = _certificates(tmp_path / "ours"), _certificates(tmp_path / "theirs")
    lines = (
        "allow_anonymous true",
        f"cafile {ours / 'ca.pem'}",
        f"certfile {ours / 'broker.pem'}",
        f"keyfile {ours / 'key.pem'}",
    )
    async with mosquitto(tmp_path, *lines) as port:
        async with room(f"mqtt://127.0.0.1:{port}?ca={ours / 'ca.pem'}") as one:
            await one.reach(LinkState.LOGIN, LinkState.READY)
            async with asyncio.timeout(10):
                while not any(b"/get" in chunk for chunk in one.told.sent):
                    await asyncio.sleep(0.01)  # logged in and subscribed: the light itself is not there
        async with room(f"mqtt://127.0.0.1:{port}?ca={theirs / 'ca.pem'}") as one:
            await one.reach(LinkState.OFFLINE)
            assert "certificate" in str(one.session.status.error).lower()
        async with room(f"mqtt://127.0.0.1:{port}?ca=/tidak/ada.pem") as one:
            await one.reach(LinkState.REFUSED)
            assert isinstance(one.session.status.error, BadSetting)
    gc.collect()  # the library leaves the socket of a failed handshake to the collector, which complains


def _certificates(folder: Path) -> Path:
    """An authority and a broker's certificate of it, for 127.0.0.1."""
    folder.mkdir()
    now = dt.datetime.now(dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("Ruang CA", "broker")]

    def certificate(which: int, *, authority: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[which])
            .issuer_name(names[0])
            .public_key(keys[which].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[which].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if authority:
            usage = dict.fromkeys(
                (
                    "content_commitment",
                    "key_encipherment",
                    "data_encipherment",
                    "key_agreement",
                    "encipher_only",
                    "decipher_only",
                ),
                False,
            )
            builder = builder.add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True
            )
        else:
            place = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
            builder = builder.add_extension(place, critical=False)
        return builder.sign(keys[0], hashes.SHA256())

    for which, name in enumerate(("ca.pem", "broker.pem")):
        pem = certificate(which, authority=which == 0).public_bytes(serialization.Encoding.PEM)
        (folder / name).write_bytes(pem)
    (folder / "key.pem").write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder
