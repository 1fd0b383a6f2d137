"""The secured protocol: a word, TLS, four digits; driver and a foreign client against the simulator over real sockets."""

from __future__ import annotations

import pytest
from samsung_mdc import MDC
from samsung_mdc.exceptions import MDCTLSAuthFailed

from devices.samsung_mdc import protocol
from devices.samsung_mdc.simulator import SamsungMdcSimulator
from devices.samsung_mdc.tests.test_conversation import FAMILY
from devices.sdk import Address, BadSetting, LinkState, Settings, WrongPassword
from devices.sdk.testing.rig import rig

PIN = {"pin": "1234"}


async def test_the_pin_opens_the_line() -> None:
    """Everything works as ever, and the wire shows neither the PIN nor a readable packet before it."""
    async with rig(FAMILY, settings=PIN) as one:
        await one.bring("power", "on")
        await one.bring("volume", 30)
        sent = one.told.sent
    assert sent[0] == b"***"
    assert all(b"1234" not in payload for payload in sent)


async def test_a_wrong_pin_is_refused_by_name() -> None:
    """REFUSED, tried rarely: wrong ones block a display."""
    async with rig(FAMILY, settings={"pin": "4321"}, device=PIN, ready=False) as one:
        await one.reach(LinkState.REFUSED)
        assert isinstance(one.session.status.error, WrongPassword)
        assert "4321" not in str(one.session.status.error)


async def test_without_a_pin_the_display_says_what_it_wants() -> None:
    """Offline, with the way out in the message."""
    async with rig(FAMILY, device=PIN, ready=False) as one:
        await one.reach(LinkState.OFFLINE)
        assert "write pin" in str(one.session.status.error)


async def test_a_pin_for_an_open_display_is_told_too() -> None:
    """It never begins: switch it on there, or leave the PIN out."""
    async with rig(FAMILY, settings=PIN, device={}, ready=False) as one:
        await one.reach(LinkState.OFFLINE)
        assert "leave pin out" in str(one.session.status.error)


async def test_a_power_cut_behind_encryption() -> None:
    """Back by itself, with a new handshake."""
    async with rig(FAMILY, settings=PIN) as one:
        one.simulator.power_cut(0.05)
        await one.reach(LinkState.OFFLINE, LinkState.CONNECTING)
        await one.reach(LinkState.READY)
        assert (await one.session.read("power")).epoch == one.session.epoch


async def test_foreign_client_opens_it_too() -> None:
    """`python-samsung-mdc` with the right PIN reads, with a wrong one is refused."""
    async with SamsungMdcSimulator(FAMILY.manifest, Settings(FAMILY.manifest, PIN)) as simulator:
        port = await simulator.serve_tcp()
        async with MDC(f"127.0.0.1:{port}", pin=1234) as client:
            assert [state.name for state in await client.power(1)] == ["OFF"]
        with pytest.raises(MDCTLSAuthFailed, match="Wrong pin"):
            await MDC(f"127.0.0.1:{port}", pin=4321).open()


async def test_who_speaks_no_tls_is_hung_up() -> None:
    """A plain packet to a secured display."""
    async with SamsungMdcSimulator(FAMILY.manifest, Settings(FAMILY.manifest, PIN)) as simulator:
        port = await simulator.serve_tcp()
        client = MDC(f"127.0.0.1:{port}", timeout=1)
        with pytest.raises(Exception, match="MDCSTART"):
            await client.power(1)
        await client.close()


@pytest.mark.parametrize("pin", ["123", "12345", "abcd", "١٢٣٤"])
def test_a_pin_has_four_digits(pin: str) -> None:
    """Anything else is an error of the configuration that does not show it."""
    with pytest.raises(BadSetting) as refusal:
        FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"pin": pin}))
    assert pin not in str(refusal.value)


def test_a_serial_line_has_no_pin() -> None:
    """It would never be asked for."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, PIN))
    with pytest.raises(BadSetting):
        driver.attach(Address("serial", path="/dev/ttyUSB0"))


@pytest.mark.parametrize(
    ("word", "blocked"),
    [
        (b"MDCAUTH<<FAIL:0002>>", True),
        (b"MDCAUTH<<FAIL:0x0002>>", True),
        (b"MDCAUTH<<FAIL:0001>>", False),
        (b"MDCAUTH<<PASS>>", False),
    ],
)
def test_blocked_is_told_from_wrong(word: bytes, blocked: bool) -> None:
    """By its code, in either way of writing it."""
    assert protocol.is_word(word)
    assert protocol.pin_blocked(word) is blocked


def test_words_are_messages_of_their_own() -> None:
    """Between packets, in pieces, and only when they are whole."""
    framer = protocol.framer()
    assert framer.feed(b"MDCST") == []
    assert framer.feed(b"ART<<TLS>>" + protocol.command(0x11, 1)) == [protocol.TLS_START]
    assert protocol.framer().feed(b"MDC" + b"x" * 40) == []
