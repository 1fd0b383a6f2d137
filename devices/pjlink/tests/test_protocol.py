"""Byte vectors of the standard, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.pjlink import protocol
from devices.pjlink.protocol import Greeting, Reply


def test_digest_vector_of_the_standard() -> None:
    """The digest of the standard's own example comes out as independent clients compute it."""
    digest = protocol.digest(b"498e4a67", "JBMIAProjectorLink")
    assert digest + protocol.command("POWR") == b"5d8409bc1c3fa39749434aa3a5c38682%1POWR ?\r"


@pytest.mark.parametrize(
    ("body", "parameter", "pj_class", "wire"),
    [
        ("POWR", "1", 1, b"%1POWR 1\r"),
        ("INPT", "31", 1, b"%1INPT 31\r"),
        ("AVMT", "30", 1, b"%1AVMT 30\r"),
        ("FREZ", "1", 2, b"%2FREZ 1\r"),
        ("INNM", "?3A", 2, b"%2INNM ?3A\r"),
    ],
)
def test_commands_as_the_standard_prints_them(body: str, parameter: str, pj_class: int, wire: bytes) -> None:
    """A command is percent, class, body, space, parameter, CR."""
    assert wire == protocol.command(body, parameter, pj_class=pj_class)


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (b"%1POWR=OK", Reply(1, "POWR", "OK")),
        (b"%2INPT=3A", Reply(2, "INPT", "3A")),
        (b"%1powr=err3", Reply(1, "POWR", "err3")),
        (b"\n%1NAME=Aula \xe2\x98\x85", Reply(1, "NAME", "Aula ★")),
        (b"%1NAME=", Reply(1, "NAME", "")),
        (b"\x8f%1\xffPOW%1POWR=1", Reply(1, "POWR", "1")),
        (b"%1NAME=%1POWR=1", Reply(1, "NAME", "%1POWR=1")),
        (b"%1INFO=a=b\nc", Reply(1, "INFO", "a=b\nc")),
    ],
)
def test_replies_are_read_liberally(message: bytes, reply: Reply) -> None:
    """Lower case, a stray LF, UTF-8 and noise before the reply cost nothing."""
    assert reply == protocol.parse_reply(message)


@pytest.mark.parametrize("message", [b"", b"%1POWR", b"%3POWR=1", b"1POWR=1", b"%1POW=1", b"%1NAME=" + b"x" * 129])
def test_noise_is_no_reply(message: bytes) -> None:
    """What lacks a part of a reply, or is too long for one, is none."""
    assert protocol.parse_reply(message) is None


def test_error_and_acknowledgement_are_words_of_a_reply() -> None:
    """`ERR3` is an error in any case of letters, `OK` an acknowledgement, a value neither."""
    assert Reply(1, "POWR", "err3").error == "ERR3"
    assert Reply(1, "POWR", "ok").acknowledged
    assert not Reply(1, "POWR", "1").error
    assert not Reply(1, "POWR", "1").acknowledged


@pytest.mark.parametrize(
    ("message", "greeting"),
    [
        (b"PJLINK 0", Greeting()),
        (b"PJLINK 1 498e4a67", Greeting(b"498e4a67")),
        (b"pjlink erra", Greeting(refused=True)),
        (b"\xff\x01PJLINK 0", Greeting()),
        (b"PJLINK 1", None),
        (b"PJLINK 1 ", None),
        (b"220 mail ready", None),
    ],
)
def test_greetings(message: bytes, greeting: Greeting | None) -> None:
    """The greeting tells whether a password is asked for, and its salt; anything else is none."""
    assert greeting == protocol.parse_greeting(message)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("rgb1", "11"),
        ("video2", "22"),
        ("hdmi1", "31"),
        ("hdmi9", "39"),
        ("hdmi10", "3A"),
        ("internal1", "61"),
        ("network35", "5Z"),
    ],
)
def test_inputs_have_names(name: str, code: str) -> None:
    """Names follow groups and numbers of the standard, both ways."""
    assert code == protocol.input_code(name)
    assert name == protocol.input_name(code)
    assert name == protocol.input_name(code.lower())


@pytest.mark.parametrize("name", ["", "hdmi", "hdmi0", "hdmi01", "hdmi36", "HDMI1", "laser1", "hdmi 1"])
def test_other_names_are_no_inputs(name: str) -> None:
    """A name outside the standard's table has no code."""
    assert protocol.input_code(name) is None


@pytest.mark.parametrize(("code", "needed"), [("11", 1), ("59", 1), ("5A", 2), ("61", 2)])
def test_letters_and_internal_sources_need_class_2(code: str, needed: int) -> None:
    """Class 1 knows digits and five groups."""
    assert needed == protocol.input_class(code)


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("000000", "none"),
        ("010000", "lamp warning"),
        ("102000", "temperature error, fan warning"),
        ("00000", None),
        ("000003", None),
    ],
)
def test_faults_in_words(parameter: str, words: str | None) -> None:
    """Errors stand before warnings; a malformed answer has no words."""
    assert words == protocol.faults(parameter)


@pytest.mark.parametrize(
    ("parameter", "hours"),
    [
        ("0 0", 0),
        ("1234 1", 1234),
        ("99 1 2500 0", 2500),
        ("1234", None),
        ("x 1", None),
        ("123456 1", None),
        ("1 1 " * 9, None),
    ],
)
def test_lamp_hours(parameter: str, hours: int | None) -> None:
    """Several lamps count as the oldest, for that one has to be replaced."""
    assert hours == protocol.lamp_hours(parameter)


@pytest.mark.parametrize(
    ("parameter", "both"),
    [("11", (True, False)), ("21", (False, True)), ("31", (True, True)), ("30", (False, False)), ("10", None)],
)
def test_mutes(parameter: str, both: tuple[bool, bool] | None) -> None:
    """One answer tells picture and sound."""
    assert both == protocol.mutes(parameter)


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_framing_and_parsing_never_raise(chunks: list[bytes]) -> None:
    """Any bytes in any cuts: no exception, no unbounded buffer, and the next whole reply is read."""
    framer = protocol.framer()
    for chunk in chunks:
        for message in framer.feed(chunk):
            protocol.parse_reply(message)
            protocol.parse_greeting(message)
    framer.feed(b"\r")
    assert framer.feed(b"%1POWR=1\r") == [b"%1POWR=1"]


@given(st.text(max_size=8))
def test_values_never_raise(text: str) -> None:
    """Any text a projector may answer with is a value or none."""
    protocol.faults(text)
    protocol.lamp_hours(text)
    protocol.mutes(text)
    protocol.input_name(text)
    protocol.input_code(text)


def test_nul_padding_is_dropped() -> None:
    """Units that pad their segments with NUL are understood."""
    assert protocol.framer().feed(b"PJLINK 0\r\0\0\0%1POWR=1\r\0") == [b"PJLINK 0", b"%1POWR=1"]
