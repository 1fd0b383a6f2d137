"""The driver alone: what each message means in each situation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.sdk.address import Address, parse_address
from devices.sdk.catalog import find_families, load_family
from devices.sdk.commands import Act, Command, Frame, Query, Set
from devices.sdk.driver import Accepted, Desync, Done, Event, Failed, FollowUp, Learned, Reported
from devices.sdk.errors import BadSetting, Busy, NotSupported, ReplyTimeout, Superseded
from devices.sdk.readings import ReadingSource
from devices.sdk.settings import Settings
from devices.visca.driver import MAX_STRAYS, ViscaDriver

FAMILY = load_family(find_families()["visca"])
RECALL = Set("preset", 1)


def camera(at: str = "tcp://10.0.0.1:5678", **settings: object) -> ViscaDriver:
    """A driver for a camera at an address."""
    driver = ViscaDriver(FAMILY.manifest, Settings(FAMILY.manifest, settings))
    driver.attach(parse_address(at, FAMILY.manifest))
    driver.reset()
    return driver


def hear(driver: ViscaDriver, wire: str, pending: Command | None = None) -> list[Event]:
    """Events of bytes written in hex."""
    return [
        event for message in driver.framer().feed(bytes.fromhex(wire)) for event in driver.interpret(message, pending)
    ]


def test_address_decides_the_wire() -> None:
    """Sony's header stands before packets over UDP, but not on the port of bare VISCA, over TCP or on a serial line."""
    header = Frame(bytes.fromhex("01 00 00 05 00 00 00 00 81 01 06 04 FF"), on_wire=("sequence",))
    bare = Frame(bytes.fromhex("81 01 06 04 FF"))
    home = Act("home")
    assert camera("udp://10.0.0.1:52381").encode(home) == (header,)
    assert camera("udp://10.0.0.1:1259").encode(home) == (bare,)
    assert camera("udp://10.0.0.1:1259", header="sony").encode(home) == (header,)
    assert camera("udp://10.0.0.1:52381", header="none").encode(home) == (bare,)
    assert camera("tcp://10.0.0.1:5678").encode(home) == (bare,)
    assert camera("serial:///dev/ttyS0", address=3).encode(home) == (Frame(bytes.fromhex("83 01 06 04 FF")),)


def test_sequence_counts_from_one() -> None:
    """Each stamped frame bears the next number."""
    driver = camera("udp://10.0.0.1:52381")
    stamped = [driver.stamp(frame) for frame in driver.encode(Query("preset"))]
    assert [message[4:8] for message in stamped] == [b"\0\0\0\x01", b"\0\0\0\x02"]


def test_preset_by_name_or_number() -> None:
    """A scene may say `podium`; the value is the number, and a name nobody defined is refused with the known ones."""
    driver = camera(presets={"podium": 1, "seats": {"number": 2, "pan": -400, "tilt": 30, "zoom": 8192}})
    assert driver.check("preset", "seats") == 2
    assert driver.encode(Set("preset", "podium")) == driver.encode(Set("preset", 1))
    with pytest.raises(BadSetting, match="podium, seats"):
        driver.check("preset", "balcony")


@pytest.mark.parametrize(
    "entry",
    [True, "1", -1, 128, {}, {"pan": 1}, {"number": 1, "pan": 2}, {"number": 1, "pan": 1, "tilt": 1, "zoom": 99999}],
)
def test_bad_preset_setting(entry: object) -> None:
    """A preset that is no number and no number with a whole position is refused, and says how to write it."""
    with pytest.raises(BadSetting, match="preset 'podium'"):
        camera(presets={"podium": entry})


def test_values_out_of_range() -> None:
    """What the wire cannot say is refused before anything is sent."""
    driver = camera()
    for command in (
        Set("position", (40000, 0)),
        Set("zoom", -1),
        Set("preset", 128),
        Act("store_preset", {"number": 200}),
    ):
        with pytest.raises(BadSetting):
            driver.encode(command)
    with pytest.raises(NotSupported):
        driver.encode(Act("cancel", {"socket": 3}))


def test_two_sockets() -> None:
    """Completions find their command by socket, in any order, while something else is asked."""
    driver = camera()
    assert hear(driver, "90 41 FF", Set("position", (1, 1))) == [Accepted(1)]
    assert hear(driver, "90 42 FF", Set("zoom", 1)) == [Accepted(2)]
    assert hear(driver, "90 52 FF 90 50 02 FF 90 51 FF", Query("power")) == [
        Done(2),
        Reported("power", "on", ReadingSource.QUERY),
        Done(1),
    ]


def test_socket_used_again() -> None:
    """Two acknowledgements on one socket: the older command is over, the newer one runs."""
    driver = camera()
    hear(driver, "90 41 FF", Set("position", (1, 1)))
    assert hear(driver, "90 41 FF", Set("zoom", 1)) == [Done(1), Accepted(1)]
    assert hear(driver, "90 51 FF 90 51 FF") == [Done(1)]


def test_completion_without_acknowledgement() -> None:
    """A completion for a socket that was never opened ends what is pending, and means nothing otherwise."""
    driver = camera()
    assert hear(driver, "90 51 FF", Act("home")) == [Done()]
    assert hear(driver, "90 51 FF", Query("power")) == []
    assert hear(driver, "90 52 FF") == []


def test_flood_of_stray_completions() -> None:
    """Completions that never fit anything mean that attribution is lost."""
    driver = camera()
    events = hear(driver, "90 51 FF" * (MAX_STRAYS + 1))
    assert [type(event) for event in events] == [Desync]


def test_refusals() -> None:
    """Buffer full and not executable are Busy, the first of them shortly; unknown commands are NotSupported with the camera's code."""
    driver = camera()
    for wire, kind in (("90 60 03 FF", Busy), ("90 61 41 FF", Busy), ("90 60 02 FF", NotSupported)):
        (event,) = hear(driver, wire, Act("home"))
        assert isinstance(event, Failed)
        assert isinstance(event.error, kind)
        assert event.token is None
    (full,) = hear(driver, "90 60 03 FF", Act("home"))
    assert isinstance(full, Failed)
    assert isinstance(full.error, Busy)
    assert full.error.retry_after < 0.5


def test_new_goal_cancels_the_running_one() -> None:
    """A recall that still moves is cancelled by its socket; a goal for another axis leaves it alone."""
    driver = camera()
    hear(driver, "90 41 FF", Set("position", (1, 1)))
    hear(driver, "90 42 FF", Set("zoom", 1))
    assert driver.preempt(Set("zoom", 5)) == (Act("cancel", {"socket": 2}),)
    assert driver.preempt(RECALL) == (Act("cancel", {"socket": 1}), Act("cancel", {"socket": 2}))
    assert driver.preempt(Query("power")) == ()
    assert driver.preempt(Set("power", "off")) == ()
    cancelled, done = hear(driver, "90 61 04 FF", Act("cancel", {"socket": 1}))
    assert isinstance(cancelled, Failed)
    assert isinstance(cancelled.error, Superseded)
    assert (cancelled.token, done) == (1, Done())
    assert driver.preempt(RECALL) == (Act("cancel", {"socket": 2}),)


def test_cancel_of_what_has_just_ended() -> None:
    """No socket is no failure: the goal was reached meanwhile."""
    driver = camera()
    hear(driver, "90 41 FF", Set("zoom", 1))
    events = hear(driver, "90 61 05 FF", Act("cancel", {"socket": 1}))
    assert events[-1] == Done()
    assert driver.preempt(Set("zoom", 5)) == ()


def test_nameless_socket_is_stopped() -> None:
    """A camera that always says socket 0 cannot cancel, so its head is stopped before a new goal."""
    driver = camera()
    hear(driver, "90 40 FF", RECALL)
    assert driver.preempt(Set("position", (1, 1))) == (Act("stop"),)
    assert driver.preempt(Act("stop")) == ()


def test_drive_is_stopped_before_a_goal() -> None:
    """A head that is being driven gets a stop before an absolute goal, and nothing twice."""
    driver = camera()
    hear(driver, "90 41 FF 90 51 FF", Act("drive", {"pan": 1, "tilt": 0}))
    assert driver.preempt(RECALL) == (Act("drive", {"pan": 0, "tilt": 0}),)
    assert driver.preempt(Set("zoom", 1)) == ()
    hear(driver, "90 41 FF 90 51 FF", Act("drive", {"pan": 0, "tilt": 0}))
    assert driver.preempt(RECALL) == ()


def test_stop_makes_room() -> None:
    """When other controllers hold both sockets, a stop cancels them; a goal waits."""
    driver = camera()
    hear(driver, "90 60 03 FF", Act("stop"))
    assert driver.preempt(Act("stop")) == (Act("cancel", {"socket": 1}), Act("cancel", {"socket": 2}))
    assert driver.preempt(RECALL) == ()


def test_dead_man() -> None:
    """A drive arms its stop, renewing takes its place, and whatever ends the drive calls it off."""
    driver = camera(deadman_s=0.5)
    still = Act("drive", {"pan": 0, "tilt": 0})
    assert driver.follow_ups(Act("drive", {"pan": 0.2, "tilt": 0})) == (FollowUp("drive", 0.5, still),)
    assert driver.follow_ups(Act("drive_zoom", {"speed": -1})) == (
        FollowUp("drive_zoom", 0.5, Act("drive_zoom", {"speed": 0})),
    )
    assert driver.follow_ups(still) == (FollowUp("drive"),)
    assert driver.follow_ups(RECALL) == (FollowUp("drive"), FollowUp("drive_zoom"))
    assert driver.follow_ups(Query("power")) == ()


POSITION = "90 50 00 06 04 00 0F 0F 0C 00 FF"
ZOOM = "90 50 01 00 00 00 FF"


def preset_read(driver: ViscaDriver) -> Event:
    """The preset a head at pan 1600, tilt -64, zoom 4096 is said to show."""
    return hear(driver, POSITION + ZOOM, Query("preset"))[-1]


def test_preset_is_told_by_its_position() -> None:
    """A configured position within the tolerance makes a derived, verified reading; outside of it there is none."""
    place = {"number": 7, "pan": 1610, "tilt": -70, "zoom": 4100}
    assert preset_read(camera(presets={"podium": place})) == Reported("preset", 7, ReadingSource.DERIVED)
    far = camera(presets={"podium": place}, position_tolerance=5)
    assert preset_read(far) == Reported("preset", None, ReadingSource.DERIVED)


def test_preset_read_has_two_answers() -> None:
    """The position ends the first exchange, zoom and preset the second; both are readings of this question."""
    assert hear(camera(), POSITION + ZOOM, Query("preset")) == [
        Reported("position", (1600, -64), ReadingSource.QUERY),
        Done(),
        Reported("zoom", 4096, ReadingSource.QUERY),
        Reported("preset", None, ReadingSource.DERIVED),
    ]


def test_unknown_preset_is_never_verified() -> None:
    """A recall whose position nobody knows is reported as written, and only while the head stays where it came to rest."""
    driver = camera(presets={"podium": 1})
    hear(driver, "90 41 FF", RECALL)
    assert preset_read(driver) == Reported("preset", None, ReadingSource.DERIVED)
    hear(driver, "90 51 FF")
    assert preset_read(driver) == Reported("preset", 1, ReadingSource.WRITTEN)
    elsewhere = hear(driver, POSITION.replace("06", "05") + ZOOM, Query("preset"))[-1]
    assert elsewhere == Reported("preset", None, ReadingSource.DERIVED)


def test_driving_forgets_an_unverified_preset() -> None:
    """After a drive nobody knows any more where the head is."""
    driver = camera()
    hear(driver, "90 41 FF 90 51 FF", RECALL)
    hear(driver, "90 41 FF 90 51 FF", Act("drive", {"pan": 1, "tilt": 0}))
    assert preset_read(driver) == Reported("preset", None, ReadingSource.DERIVED)


def test_storing_learns() -> None:
    """Storing a preset reads where that is; the fact survives in the next driver and beats room.yaml."""
    driver = camera()
    store = Act("store_preset", {"number": 9})
    assert len(driver.encode(store)) == 3
    events = hear(driver, "90 41 FF 90 51 FF" + POSITION + ZOOM, store)
    assert Learned("preset.9", (1600, -64, 4096)) in events
    assert preset_read(driver) == Reported("preset", 9, ReadingSource.DERIVED)
    later = camera(presets={"podium": {"number": 9, "pan": 0, "tilt": 0, "zoom": 0}})
    later.recall("preset.9", (1600, -64, 4096))
    assert preset_read(later) == Reported("preset", 9, ReadingSource.DERIVED)
    later.recall("preset.x", "nonsense")


def test_standby_shows_no_preset() -> None:
    """A camera in standby looks at nothing."""
    assert hear(camera(), "90 50 03 FF", Query("power")) == [
        Reported("power", "off", ReadingSource.QUERY),
        Reported("preset", None, ReadingSource.DERIVED),
    ]


def test_late_answer_of_another_question() -> None:
    """A zoom that comes late does not answer the question for power."""
    assert hear(camera(), ZOOM, Query("power")) == [Reported("zoom", 4096, ReadingSource.QUERY)]


def test_network_change() -> None:
    """A chain is numbered again; a single camera has lost what ran in its sockets."""
    assert [type(event) for event in hear(camera("serial:///dev/ttyS0"), "90 38 FF")] == [Desync]
    driver = camera()
    hear(driver, "90 41 FF", RECALL)
    (event,) = hear(driver, "90 38 FF")
    assert isinstance(event, Failed)
    assert event.token == 1


# -- Sony's numbers --


def sony() -> ViscaDriver:
    """A driver whose home command went out as number 1."""
    driver = camera("udp://10.0.0.1:52381")
    driver.stamp(driver.encode(Act("home"))[0])
    return driver


def test_sony_acknowledgement_without_socket() -> None:
    """Number 1 is acknowledged and completed though the camera never names a socket."""
    driver = sony()
    assert hear(driver, "01 11 00 03 00 00 00 01 90 40 FF", Act("home")) == [Accepted(1)]
    assert hear(driver, "01 11 00 03 00 00 00 01 90 50 FF") == [Done(1)]


def test_sony_both_in_one_datagram() -> None:
    """Acknowledgement and completion may share a datagram."""
    assert hear(sony(), "01 11 00 06 00 00 00 01 90 41 FF 90 51 FF", Act("home")) == [Accepted(1), Done(1)]


def test_sony_late_answer() -> None:
    """An answer with an old number does not answer the new question."""
    driver = sony()
    hear(driver, "01 11 00 03 00 00 00 01 90 41 FF", Act("home"))
    driver.stamp(driver.encode(Query("power"))[0])
    assert hear(driver, "01 11 00 04 00 00 00 01 90 50 03 FF", Query("power")) == []
    assert hear(driver, "01 11 00 04 00 00 00 02 90 50 02 FF", Query("power")) != []


def test_sony_camera_with_its_own_count() -> None:
    """A camera that never repeats our numbers is believed all the same."""
    driver = sony()
    assert hear(driver, "01 11 00 03 00 00 10 01 90 41 FF", Act("home")) == [Accepted(0x1001)]
    assert hear(driver, "01 11 00 03 00 00 10 02 90 51 FF") == [Done(0x1001)]


def test_sony_repetition_was_already_carried_out() -> None:
    """0F 01 after a repetition: a motion runs, a short command is done, a question must be asked anew."""
    abnormal = "02 01 00 02 00 00 00 01 0F 01"
    driver = sony()
    driver.repeat(driver.encode(Act("home"))[0], b"")
    assert hear(driver, abnormal, Act("home")) == [Accepted(1)]
    assert hear(driver, "01 11 00 03 00 00 00 01 90 51 FF") == [Done(1)]
    assert hear(driver, abnormal, Set("power", "on")) == [Done()]
    (event,) = hear(driver, abnormal, Query("power"))
    assert isinstance(event, Failed)
    assert isinstance(event.error, ReplyTimeout)


def test_sony_count_is_lost() -> None:
    """0F 01 to something said once: the camera counts otherwise, a RESET is needed; 0F 02 is a refusal."""
    (event,) = hear(sony(), "02 01 00 02 00 00 00 01 0F 01", Act("home"))
    assert isinstance(event, Desync)
    (event,) = hear(sony(), "02 01 00 02 00 00 00 01 0F 02", Act("home"))
    assert isinstance(event, Failed)


PENDING = st.sampled_from(
    [
        None,
        RECALL,
        Query("preset"),
        Query("power"),
        Act("home"),
        Act("store_preset", {"number": 1}),
        Act("cancel", {"socket": 1}),
    ],
)


@given(st.booleans(), st.lists(st.tuples(st.binary(max_size=20), PENDING), max_size=20))
def test_interpret_survives_anything(numbered: bool, talk: list[tuple[bytes, Command | None]]) -> None:
    """No message raises, whatever is pending."""
    driver = camera("udp://10.0.0.1:52381" if numbered else "tcp://10.0.0.1:5678")
    for message, pending in talk:
        list(driver.interpret(message, pending))
        list(driver.interpret(b"\x90" + message, pending))


def test_address_type() -> None:
    """An address of another scheme than UDP never gets a header by itself."""
    driver = camera()
    driver.attach(Address("memory", path="camera"))
    assert not driver.encode(Act("home"))[0].on_wire
