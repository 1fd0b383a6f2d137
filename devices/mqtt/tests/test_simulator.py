"""The simulated broker, judged by a client that others wrote and by packets no client would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
import pytest

from devices.mqtt.simulator import MqttSimulator
from devices.mqtt.tests.test_conversation import FAMILY, TOPIC
from devices.sdk import Settings

HELLO = bytes.fromhex("10 0e 0004 4d515454 04 02 003c 0002 6161")
"""CONNECT of client `aa`, clean session, keep-alive 60 s."""


@asynccontextmanager
async def broker(**given: object) -> AsyncIterator[tuple[MqttSimulator, int]]:
    """A broker on a real port of this machine, with a light behind it."""
    settings = Settings(FAMILY.manifest, {"topic": TOPIC, **given})
    async with MqttSimulator(FAMILY.manifest, settings) as simulator:
        yield simulator, await simulator.serve_tcp()


async def ask(port: int, packets: bytes) -> tuple[bytes, bool]:
    """What comes back within a moment, and whether the broker hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    try:
        writer.write(packets)
        while part := await asyncio.wait_for(reader.read(64), 0.1):
            heard += part
    except TimeoutError:
        return heard, False
    finally:
        writer.close()
        await writer.wait_closed()
    return heard, True


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_foreign_client_drives_the_light(qos: int) -> None:
    """`aiomqtt` as any other controller: hears availability and states, switches at each quality of service."""
    async with broker() as (simulator, port), aiomqtt.Client("127.0.0.1", port, timeout=2) as client:
        await client.subscribe(f"{TOPIC}/#", qos=qos)
        kept = await anext(client.messages)
        assert (kept.topic.value, kept.retain, json.loads(kept.payload)) == (
            f"{TOPIC}/availability",
            True,
            {"state": "online"},
        )
        await client.publish(f"{TOPIC}/set", '{"state":"ON","brightness":100}', qos=qos)
        heard = [await anext(client.messages) for _ in range(2)]
        assert [message.topic.value for message in heard] == [f"{TOPIC}/set", TOPIC]
        assert json.loads(heard[1].payload) == {"state": "ON", "brightness": 100, "linkquality": 102}
        assert simulator.snapshot() == {"relay.1": True, "level": 100 * 100 / 254, "available": True}
        await client.unsubscribe(f"{TOPIC}/#")


async def test_two_guests_hear_each_other() -> None:
    """It is a broker: wildcards, retained messages, an empty one to forget."""
    async with (
        broker() as (_, port),
        aiomqtt.Client("127.0.0.1", port) as one,
        aiomqtt.Client("127.0.0.1", port) as two,
    ):
        await one.subscribe("ruang/+/suhu")
        await two.publish("ruang/1/suhu", "24", retain=True)
        assert (await anext(one.messages)).payload == b"24"
        await two.publish("ruang/1/2/suhu", "25")
        await two.subscribe("ruang/1/suhu")
        assert (await anext(two.messages)).retain
        await two.publish("ruang/1/suhu", "", retain=True)
        assert (await anext(two.messages)).payload == b""
        assert (await anext(one.messages)).payload == b""
        await two.subscribe("ruang/1/suhu")
        await two.publish("ruang/1/suhu", "26")
        assert (await anext(one.messages)).payload == b"26"


async def test_foreign_client_with_a_wrong_password_is_refused() -> None:
    """Return code 4."""
    async with broker(username="ruang", password="rahasia") as (_, port):
        with pytest.raises(aiomqtt.MqttError, match=r"[Uu]ser"):
            async with aiomqtt.Client("127.0.0.1", port, username="ruang", password="salah", timeout=1):
                pass
        async with aiomqtt.Client("127.0.0.1", port, username="ruang", password="rahasia", timeout=1):
            pass


@pytest.mark.parametrize(
    ("packets", "heard", "hung_up"),
    [
        (HELLO + bytes.fromhex("c0 00"), "20 02 00 00 d0 00", False),  # a ping
        (HELLO + bytes.fromhex("e0 00"), "20 02 00 00", True),  # goodbye
        (bytes.fromhex("c0 00"), "", True),  # not introduced
        (HELLO + HELLO, "20 02 00 00", True),  # introduced twice
        (HELLO.replace(b"MQTT\x04", b"MQTT\x05"), "20 02 00 01", True),  # version 5
        (HELLO.replace(b"MQTT\x04", b"MQTX\x04"), "", True),  # another protocol
        (HELLO + bytes.fromhex("80 06 0001 0001 61 00"), "20 02 00 00", True),  # SUBSCRIBE with wrong flags
        (HELLO + bytes.fromhex("82 06 0001 0001 61 00"), "20 02 00 00 90 03 00 01 00", False),
        (HELLO + bytes.fromhex("82 02 0001"), "20 02 00 00", True),  # subscribed to nothing
        (HELLO + bytes.fromhex("30 04 0001 23 41"), "20 02 00 00", True),  # published to a wildcard
        (HELLO + bytes.fromhex("36 04 0001 61 41"), "20 02 00 00", True),  # quality 3
        (HELLO + bytes.fromhex("32 06 0001 61 0007 41"), "20 02 00 00 40 02 00 07", False),
        (HELLO + bytes.fromhex("30 ff ff ff ff 01"), "20 02 00 00", True),  # a length without end
        (HELLO + bytes.fromhex("f0 00"), "20 02 00 00", True),  # a reserved packet
    ],
)
async def test_reads_packets_as_strictly_as_a_broker(packets: bytes, heard: str, hung_up: bool) -> None:
    """Byte for byte as the standard demands, hanging up where it demands that."""
    async with broker() as (_, port):
        assert await ask(port, packets) == (bytes.fromhex(heard), hung_up)


async def test_a_silent_guest_is_dropped() -> None:
    """After one and a half times its keep-alive."""
    async with broker() as (simulator, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HELLO.replace(b"\x00\x3c", b"\x00\x01"))
        await asyncio.sleep(0.02)
        (guest,) = simulator._guests.values()
        assert guest.keepalive_s == 1.0
        simulator.clients[0].heard_at -= 1.6
        simulator._watch(simulator.clients[0], guest)
        assert not simulator.clients
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("payload", ["", "ON", "[]", '{"state":"MAYBE"}', '{"state":1}', '{"color":1}', "[" * 3000])
async def test_what_the_light_cannot_read_changes_nothing(payload: str) -> None:
    """zigbee2mqtt logs it and publishes nothing."""
    async with broker() as (simulator, _):
        before = simulator.snapshot()
        simulator.lamp.heard("set", payload.encode())
        simulator.lamp.heard("get", payload.encode())
        assert simulator.snapshot() == before


def test_nobody_can_turn_what_is_not_there() -> None:
    """A hand cannot dim a plug nor press a third switch."""
    settings = Settings(FAMILY.manifest, {"topic": TOPIC, "dimmable": False})
    simulator = MqttSimulator(FAMILY.manifest, settings)
    for name, value in (("level", 40), ("relay.2", True), ("relay.1", 3)):
        with pytest.raises(ValueError, match="by hand"):
            simulator.front_panel(name, value)
