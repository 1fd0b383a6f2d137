"""Any order of commands, remotes and mishaps: what the driver reads is what the camera is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import ClassVar, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devices.sdk.commands import Act, Command, Set
from devices.sdk.readings import ReadingSource, matches
from devices.visca.tests.rig import Camera, rig

T = TypeVar("T")
PAN = st.integers(-2448, 2448)
TILT = st.integers(-432, 1296)
ZOOM = st.integers(0, 0x4000)
NUMBER = st.sampled_from([1, 2, 7, 127])
SPEED = st.floats(-1, 1)


class CameraMachine(RuleBasedStateMachine):
    """Drives a real session on a thread of its own; the camera's own state is the model."""

    wire: ClassVar[str] = "tcp"

    @initialize()
    def begin(self) -> None:
        """Connect."""
        self.on = True
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))
        self._thread.start()
        assert self._ready.wait(10)

    def teardown(self) -> None:
        """Disconnect."""
        if hasattr(self, "_thread"):
            self._loop.call_soon_threadsafe(self._end.set)
            self._thread.join(10)
            assert not self._thread.is_alive()

    @precondition(lambda self: self.on)
    @rule(pan=PAN, tilt=TILT)
    def position(self, pan: int, tilt: int) -> None:
        """Move the head and wait until it is there."""
        self.do(Set("position", (pan, tilt)))
        self.run(self.it.reads("position", (pan, tilt)))

    @precondition(lambda self: self.on)
    @rule(steps=ZOOM)
    def zoom(self, steps: int) -> None:
        """Zoom and wait until it is there."""
        self.do(Set("zoom", steps))
        self.run(self.it.reads("zoom", steps))

    @precondition(lambda self: self.on)
    @rule(pan=PAN, steps=ZOOM, number=NUMBER)
    def hurried(self, pan: int, steps: int, number: int) -> None:
        """Goals that overtake each other: the last one of each axis wins."""
        self.do(Set("preset", number) if number in self.it.camera.stored else Act("home"))
        self.do(Set("position", (-pan, 0)))
        self.do(Set("zoom", steps))
        self.do(Set("position", (pan, 0)))
        self.run(self.it.reads("position", (pan, 0)))
        self.run(self.it.reads("zoom", steps))

    @precondition(lambda self: self.on)
    @rule(number=NUMBER)
    def store(self, number: int) -> None:
        """Store where it is; from now on the recall can be verified."""
        self.do(Act("store_preset", {"number": number}))
        assert self.it.told.facts[f"preset.{number}"] == self.it.camera.stored[number]

    @precondition(lambda self: self.on)
    @rule(number=NUMBER)
    def recall(self, number: int) -> None:
        """Recall; verified where the position is known, never where it is not."""
        if number in self.it.camera.stored:
            self.do(Set("preset", number), wait_done=True)
            reading = self.run(self.it.session.read("preset"))
            assert self.it.camera.head.place() == self.it.camera.stored[number]
            assert reading.value is not None

    @precondition(lambda self: self.on)
    @rule(pan=SPEED, tilt=SPEED, speed=SPEED)
    def drive(self, pan: float, tilt: float, speed: float) -> None:
        """Drive and stop."""
        self.do(Act("drive", {"pan": pan, "tilt": tilt}))
        self.do(Act("drive_zoom", {"speed": speed}))
        self.do(Act("stop"))

    @precondition(lambda self: self.on)
    @rule(pan=SPEED)
    def abandoned(self, pan: float) -> None:
        """Drive and go away: the dead-man stops it."""
        self.do(Act("drive", {"pan": pan, "tilt": 0}))

    @precondition(lambda self: self.on)
    @rule(pan=PAN, tilt=TILT)
    def remote(self, pan: int, tilt: int) -> None:
        """Somebody uses the infrared remote."""
        self._loop.call_soon_threadsafe(self.it.camera.front_panel, "position", (pan, tilt))

    @rule()
    def power(self) -> None:
        """Switch it off, or on again."""
        self.on = not self.on
        goal = "on" if self.on else "off"
        self.do(Set("power", goal), wait_done=True)
        self.run(self.it.reads("power", goal))

    @rule()
    def reboot(self) -> None:
        """The plug is pulled for a moment; what was stored stays."""
        epoch = self.it.session.epoch

        async def pull() -> None:
            self.it.camera.power_cut(0.01)
            if self.wire == "tcp":
                await self.it.until(lambda: self.it.session.epoch > epoch)
            await asyncio.sleep(0.02)
            await self.it.ready()

        self.run(pull())
        self.on = True

    @invariant()
    def truth(self) -> None:
        """At rest, every reading is the camera's own state, and a verified preset is never a false one."""
        if not hasattr(self, "it"):
            return
        camera = self.it.camera
        self.run(self.it.until(self.it.still))
        self.run(self.it.reads("power", "on" if self.on else "off"))
        if not self.on:
            return
        preset = self.run(self.it.session.read("preset"))
        truth = camera.snapshot()
        assert self.run(self.it.session.read("position")).value == truth["position"]
        assert self.run(self.it.session.read("zoom")).value == truth["zoom"]
        if preset.value is not None and preset.source is ReadingSource.DERIVED:
            pan, tilt, zoom = camera.stored[int(str(preset.value))]
            assert matches((pan, tilt), truth["position"], 12)
            assert matches(zoom, truth["zoom"], 48)
        if preset.value is None:
            known = [int(key.removeprefix("preset.")) for key in self.it.told.facts]
            assert all(camera.stored[number] != camera.head.place() for number in known)

    # -- between the threads --

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Run on the session's loop and wait."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def do(self, command: Command, *, wait_done: bool = False) -> None:
        """Execute a command as an operator whose gateway tries again."""
        self.run(self.it.insist(lambda: self.it.session.execute(command, wait_done=wait_done)))

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        async with rig(self.wire, pace=400, settings={"deadman_s": 0.1}) as it:
            self.it: Camera = it
            self._ready.set()
            await self._end.wait()


class SonyMachine(CameraMachine):
    """The same over Sony's numbered UDP."""

    wire = "udp"


class SerialMachine(CameraMachine):
    """The same over a pseudo terminal."""

    wire = "serial"


LIMITS = settings(
    max_examples=6,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestTcp = CameraMachine.TestCase
TestSony = SonyMachine.TestCase
TestSerial = SerialMachine.TestCase
for case in (TestTcp, TestSony, TestSerial):
    case.settings = LIMITS
del case  # or it would be collected as a test of its own
