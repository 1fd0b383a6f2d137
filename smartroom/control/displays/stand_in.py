"""A page in the place of a wall's browser: it paints what it is told at the agreed moment, in this process. Rehearsals have no other screens."""

from __future__ import annotations

import asyncio

from smartroom.control import clock
from smartroom.control.displays.wall import Wall
from smartroom.control.limits import WALL_HEARTBEAT_S
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.displays import Ask, Hello, Identify, Leave, Painted, SendPicture, Show


class StandIn:
    """`Page` of one wall. `run` lives in its owner's group: it connects, and reports as a browser would."""

    def __init__(self, wall: Wall) -> None:
        self.shown = Painted(text="")
        """What stands on its glass."""
        self._wall = wall
        self._here = False

    async def run(self) -> None:
        """Connect, then report every two seconds."""
        self._here = True
        show = self._wall.attach(self, Hello(protocol=PROTOCOL_VERSION, build="rehearsal", painted=self.shown))
        if show is not None:
            self.show(show)
        try:
            while True:
                await asyncio.sleep(WALL_HEARTBEAT_S)
                self._report()
        finally:
            self._here = False
            self._wall.detach(self)

    def show(self, show: Show) -> None:
        """Bring the glass to this at its moment."""
        asyncio.get_running_loop().call_later(max(show.at - clock.wall(), 0.0), self._paint, show)

    def identify(self, identify: Identify) -> None:
        """Nobody looks."""

    def ask(self, ask: Ask) -> None:
        """Say what stands there."""
        self._report(asked=ask.asked)

    def look(self, look: SendPicture) -> None:
        """It has no glass."""

    def leave(self, leave: Leave) -> None:
        """Its place is taken."""
        self._here = False

    def _paint(self, show: Show) -> None:
        if show.order > self.shown.order:
            at = clock.wall()
            self.shown = Painted(
                order=show.order, text=show.text, page=show.page, blank=show.blank, at=at, late_ms=(at - show.at) * 1000
            )
            self._report()

    def _report(self, asked: int | None = None) -> None:
        if self._here:
            self._wall.heard(self, self.shown.model_copy(update={"asked": asked}))
