"""The driver alone: commands to bytes, lines to events."""

from collections.abc import Mapping
from pathlib import Path
from ssl import SSLContext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.pjlink.driver import PJLink
from devices.sdk import capabilities as can
from devices.sdk.commands import Act, Command, Query, Set
from devices.sdk.driver import Done, Event, Failed, Reported
from devices.sdk.errors import BadSetting, Busy, HungUp, NotSupported, Refused, ReplyTimeout, WrongPassword
from devices.sdk.manifest import load_manifest
from devices.sdk.settings import Settings

MANIFEST = load_manifest(Path(__file__).parent.parent / "driver.yaml")


def driver(settings: Mapping[str, object] | None = None) -> PJLink:
    """A driver with the given settings."""
    return PJLink(MANIFEST, Settings(MANIFEST, settings or {}))


def wire(command: Command, settings: Mapping[str, object] | None = None) -> bytes:
    """All bytes of a command."""
    return b"".join(frame.payload for frame in driver(settings).encode(command))


class ScriptedLink:
    """The other side of a login: lines to be read, then silence."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = list(lines)
        self.sent: list[bytes] = []

    async def send(self, payload: bytes) -> None:
        """Keep what was sent."""
        self.sent.append(payload)

    async def receive(self) -> bytes:
        """Next line."""
        if not self.lines:
            raise ReplyTimeout("no answer during login")
        return self.lines.pop(0)

    async def start_tls(self, context: SSLContext) -> None:
        """A projector's line is never encrypted."""
        raise AssertionError(context)


@pytest.mark.parametrize(
    ("command", "payload"),
    [
        (Set("power", "on"), b"%1POWR 1\r"),
        (Set("power", "off"), b"%1POWR 0\r"),
        (Query("power"), b"%1POWR ?\r"),
        (Set("input", "hdmi1"), b"%1INPT 31\r"),
        (Set("input", "rgb2"), b"%1INPT 12\r"),
        (Set("input", "internal1"), b"%2INPT 61\r"),
        (Query("input"), b"%1INPT ?\r"),
        (Set("blank", True), b"%1AVMT 11\r"),
        (Set("blank", False), b"%1AVMT 10\r"),
        (Set("mute", True), b"%1AVMT 21\r"),
        (Set("mute", False), b"%1AVMT 20\r"),
        (Query("blank"), b"%1AVMT ?\r"),
        (Query("mute"), b"%1AVMT ?\r"),
        (Set("freeze", True), b"%2FREZ 1\r"),
        (Query("freeze"), b"%2FREZ ?\r"),
        (Query("fault"), b"%1ERST ?\r"),
        (Query("lamp_hours"), b"%1LAMP ?\r"),
        (Query("name"), b"%1NAME ?\r"),
        (Query("maker"), b"%1INF1 ?\r"),
        (Query("model"), b"%1INF2 ?\r"),
        (Query("class"), b"%1CLSS ?\r"),
        (Act("volume_step", {"direction": 1}), b"%2SVOL 1\r"),
        (Act("volume_step", {"direction": -1}), b"%2SVOL 0\r"),
    ],
)
def test_commands_become_the_bytes_of_the_standard(command: Command, payload: bytes) -> None:
    """Every property and action has exactly its bytes, and nothing is left to be fixed on the wire."""
    assert payload == wire(command)
    assert all(not frame.on_wire for frame in driver().encode(command))


@pytest.mark.parametrize(
    ("message", "pending", "events"),
    [
        (b"%1POWR=0", Query("power"), [Reported("power", "off")]),
        (b"%1POWR=1", None, [Reported("power", "on")]),
        (b"%1POWR=2", Query("power"), [Reported("power", "cooling")]),
        (b"%2POWR=3", None, [Reported("power", "warming")]),
        (b"%1POWR=OK", Set("power", "on"), [Done()]),
        (b"%1INPT=31", Query("input"), [Reported("input", "hdmi1")]),
        (b"%2INPT=3a", Query("input"), [Reported("input", "hdmi10")]),
        (b"%1AVMT=31", Query("blank"), [Reported("blank", value=True), Reported("mute", value=True)]),
        (b"%1AVMT=11", Query("mute"), [Reported("blank", value=True), Reported("mute", value=False)]),
        (b"%2FREZ=1", Query("freeze"), [Reported("freeze", value=True)]),
        (b"%1ERST=020001", Query("fault"), [Reported("fault", "lamp error, other warning")]),
        (b"%1LAMP=120 1 98 0", Query("lamp_hours"), [Reported("lamp_hours", 120)]),
        (b"%1NAME=Aula", Query("name"), [Reported("name", "Aula")]),
        (b"%1INF1=Epson", Query("maker"), [Reported("maker", "Epson")]),
        (b"%1INF2=EB-1", Query("model"), [Reported("model", "EB-1")]),
        (b"%1CLSS=2", Query("class"), [Reported("class", 2)]),
        (b"%1INPT=ERR3", Query("input"), [Reported("input", None)]),
        (b"%1AVMT=ERR3", Query("mute"), [Reported("blank", None), Reported("mute", None)]),
        (b"%2SVOL=OK", Act("volume_step", {"direction": 1}), [Done()]),
    ],
)
def test_lines_become_events(message: bytes, pending: Command | None, events: list[Event]) -> None:
    """Each answer of the standard is a reading or an end of what was asked; what standby hides is read as unknown."""
    assert events == list(driver().interpret(message, pending))


@pytest.mark.parametrize(
    ("message", "pending", "kind"),
    [
        (b"%1POWR=ERR3", Set("power", "on"), Busy),
        (b"%1POWR=ERR3", Query("power"), Busy),
        (b"%1INPT=ERR3", Set("input", "hdmi1"), Busy),
        (b"%1INPT=ERR2", Set("input", "hdmi1"), NotSupported),
        (b"%1LAMP=ERR1", Query("lamp_hours"), NotSupported),
        (b"%1POWR=ERR4", Set("power", "on"), Refused),
        (b"%1POWR=9", Query("power"), Refused),
        (b"PJLINK ERRA", Query("power"), WrongPassword),
    ],
)
def test_refusals_say_what_to_do(message: bytes, pending: Command, kind: type) -> None:
    """Warming and cooling are Busy with a time, a missing input is not supported, ERR4 and nonsense are refusals."""
    (event,) = driver().interpret(message, pending)
    assert isinstance(event, Failed)
    assert isinstance(event.error, kind)
    assert not isinstance(event.error, Busy) or event.error.retry_after == 5.0


@pytest.mark.parametrize(
    ("message", "pending"),
    [
        (b"%1POWR=OK", Query("power")),
        (b"%1POWR=OK", Set("input", "hdmi1")),
        (b"%1POWR=OK", None),
        (b"%1INPT=ERR3", Set("power", "on")),
        (b"%1INPT=ERR3", None),
        (b"%2LKUP=02:53:4D:52:00:01", Query("power")),
        (b"PJLINK 0", Query("power")),
        (b"noise", Query("power")),
    ],
)
def test_late_and_foreign_lines_end_nothing(message: bytes, pending: Command | None) -> None:
    """An acknowledgement or refusal of something else, a second greeting and noise settle no command."""
    assert not list(driver().interpret(message, pending))


@given(
    st.binary(max_size=200),
    st.sampled_from([None, Query("power"), Set("input", "hdmi1"), Query("mute"), Query("name")]),
)
def test_no_bytes_raise(message: bytes, pending: Command | None) -> None:
    """Whatever comes from outside, interpret returns."""
    list(driver().interpret(message, pending))
    list(driver().interpret(b"%1" + message, pending))


@given(
    st.sampled_from(["POWR", "INPT", "AVMT", "FREZ", "ERST", "LAMP", "NAME", "INF1", "INF2", "CLSS", "SVOL"]),
    st.text(max_size=140),
)
def test_no_parameter_raises(body: str, parameter: str) -> None:
    """Whatever stands behind a known body, interpret returns."""
    for pending in (None, Query("power"), Query("input"), Set("freeze", value=True)):
        list(driver().interpret(f"%1{body}={parameter}".encode(), pending))


def test_class_1_says_what_it_cannot() -> None:
    """Told that the projector is class 1, freeze, volume and inputs of class 2 are refused before a byte is sent."""
    for command in (
        Set("freeze", value=True),
        Query("freeze"),
        Set("input", "internal1"),
        Act("volume_step", {"direction": 1}),
    ):
        with pytest.raises(NotSupported, match="class 2"):
            wire(command, {"class": "1"})
    assert Query("freeze") not in driver({"class": "1"}).snapshot()
    assert wire(Query("input"), {"class": "2"}) == b"%2INPT ?\r"


def test_class_may_be_written_as_a_number() -> None:
    """`class: 1` and `class: "1"` in YAML mean the same."""
    assert Query("freeze") not in driver({"class": 1}).snapshot()
    with pytest.raises(BadSetting, match="auto, 1, 2"):
        driver({"class": 3})


def test_own_inputs_take_the_place_of_the_usual_names() -> None:
    """`inputs` names what this projector has; readings use the names; the usual names are refused then."""
    settings = {"inputs": {"laptop": 31, "hdbaset": "56"}}
    assert wire(Set("input", "hdbaset"), settings) == b"%1INPT 56\r"
    assert list(driver(settings).interpret(b"%1INPT=31", Query("input"))) == [Reported("input", "laptop")]
    assert list(driver(settings).interpret(b"%1INPT=32", Query("input"))) == [Reported("input", "hdmi2")]
    with pytest.raises(BadSetting, match="laptop, hdbaset"):
        wire(Set("input", "hdmi1"), settings)
    with pytest.raises(BadSetting, match="11 to 6Z"):
        driver({"inputs": {"laptop": 71}})
    with pytest.raises(BadSetting, match="needs class 2"):
        driver({"class": "1", "inputs": {"logo": 61}})


def test_bad_steps_are_refused() -> None:
    """A volume step is one up or one down."""
    with pytest.raises(BadSetting, match="louder"):
        wire(Act("volume_step", {"direction": 2}))


@pytest.mark.parametrize(
    ("settings", "lines", "sent"),
    [
        ({"class": "1"}, [b"PJLINK 0"], []),
        ({"class": "2", "password": "unused"}, [b"PJLINK 0"], []),
        ({}, [b"PJLINK 0", b"%1CLSS=2"], [b"%1CLSS ?\r"]),
        ({}, [b"PJLINK 0", b"%1CLSS=ERR1"], [b"%1CLSS ?\r"]),
        ({}, [b"PJLINK 0", b"%2LKUP=00:00:00:00:00:00", b"%1CLSS=1"], [b"%1CLSS ?\r"]),
        (
            {"class": "1", "password": "JBMIAProjectorLink"},
            [b"PJLINK 1 498e4a67", b"%1CLSS=2"],
            [b"5d8409bc1c3fa39749434aa3a5c38682%1CLSS ?\r"],
        ),
    ],
)
async def test_login_spends_the_digest_at_once(
    settings: Mapping[str, object], lines: list[bytes], sent: list[bytes]
) -> None:
    """The digest of the standard's example stands before the login's own question; without a need nothing is asked."""
    link = ScriptedLink(*lines)
    await driver(settings).login(link)
    assert sent == link.sent


async def test_hang_up_before_the_greeting_means_another_controller() -> None:
    """A projector that takes the connection and drops it ungreeted serves somebody else: the message says so."""

    class Dropped(ScriptedLink):
        async def receive(self) -> bytes:
            raise HungUp("hung up")

    with pytest.raises(ReplyTimeout, match="only connection"):
        await driver().login(Dropped())


async def test_login_learns_the_class() -> None:
    """A class 2 projector is asked for its input and freeze in class 2 words; a new connection learns anew."""
    projector = driver()
    await projector.login(ScriptedLink(b"PJLINK 0", b"%1CLSS=2"))
    assert projector.encode(Query("input"))[0].payload == b"%2INPT ?\r"
    assert Query("freeze") in projector.snapshot()
    projector.reset()
    await projector.login(ScriptedLink(b"PJLINK 0", b"%1CLSS=1"))
    assert projector.encode(Query("input"))[0].payload == b"%1INPT ?\r"
    assert Query("freeze") not in projector.snapshot()


@pytest.mark.parametrize(
    ("settings", "lines", "kind", "words"),
    [
        ({}, [b"PJLINK 1 498e4a67"], WrongPassword, "password: !secret"),
        ({"password": "x"}, [b"PJLINK 1 498e4a67", b"PJLINK ERRA"], WrongPassword, "refuses our password"),
        ({"password": "x"}, [b"PJLINK ERRA"], WrongPassword, "refuses our password"),
        ({}, [], ReplyTimeout, "another controller"),
        ({}, [b"220 mail"] * 9, ReplyTimeout, "does not speak PJLink"),
        ({}, [b"PJLINK 0"], ReplyTimeout, "no answer"),
        ({}, [b"PJLINK 0"] + [b"%1POWR=1"] * 9, ReplyTimeout, "first question"),
    ],
)
async def test_login_failures_tell_the_technician_what_to_mend(
    settings: Mapping[str, object], lines: list[bytes], kind: type[Exception], words: str
) -> None:
    """A missing or wrong password, a busy projector and a foreign service are told apart."""
    with pytest.raises(kind, match=words):
        await driver(settings).login(ScriptedLink(*lines))


def test_identity_is_asked_once_for_each_connection() -> None:
    """Name, maker, model and class leave the poll when they are known, and come back with the next connection."""
    projector = driver({"class": "2"})
    whole = projector.snapshot()
    assert whole == tuple(
        Query(name)
        for name in ("power", "input", "blank", "freeze", "fault", "lamp_hours", "name", "maker", "model", "class")
    )
    for line in (b"%1NAME=Aula", b"%1INF1=Epson", b"%1INF2=EB-1", b"%1CLSS=2"):
        list(projector.interpret(line, None))
    assert projector.snapshot() == whole[:6]
    projector.reset()
    assert projector.snapshot() == whole


def test_traces_show_neither_password_nor_digest() -> None:
    """What a trace shows of the login lets nobody try passwords; other lines stay as they are."""
    projector = driver({"password": "rahasia"})
    assert projector.masked(b"5d8409bc1c3fa39749434aa3a5c38682%1CLSS ?\r") == b"***%1CLSS ?\r"
    assert projector.masked(b"%1NAME=rahasia") == b"%1NAME=***"
    assert projector.masked(b"%1POWR 1\r") == b"%1POWR 1\r"


def test_capabilities_are_whole() -> None:
    """The driver has the methods of every capability its manifest names."""
    assert all(isinstance(driver(), can.CAPABILITIES[name]) for name in MANIFEST.capabilities)
