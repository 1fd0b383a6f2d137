"""How much of the meeting a path carries: seven rungs, sound last. Down at once, up by trial, always to be overruled by the person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from smartroom.protocol.conference import Look, SaverMode

FULL, NO_LARGE, SPEAKER, SLIDES, SOUND, THIN, AWAY = range(7)

NEEDS: Final = (900_000, 400_000, 200_000, 100_000, 45_000, 0)
"""Bit/s below which a rung is too much: faces, small faces, one face and slides, slides and sound, sound, sound as it comes."""

STARVED_LOOKS = 2
"""Reports in a row, two seconds apart, before something is taken away: one hiccup is none."""

LOSSY = 0.15
HOPELESS = 0.35
"""Share of lost packets above which a picture costs the voice, and above which nothing but thin sound is left."""

TRY_AFTER_S = 10.0
TRY_AFTER_MAX_S = 120.0
"""How long a rung must be quiet before the next higher one is tried; doubled by each try that failed."""

HOLDS_S = 30.0
"""A higher rung that has lasted so long was no mistake."""

SMALL, SMALLER = 360, 180
"""Lines of a picture: where large ones are left out, and where one face is left."""

Why = Literal["", "bandwidth", "loss", "chosen", "away"]


@dataclass(slots=True)
class Ladder:
    """The rung of one subscriber. `look` after each report; the paused slots are the media worker's own facts."""

    mode: SaverMode = SaverMode.AUTO
    listen: bool = False
    estimate: int = 0
    loss: float = 0.0
    rtt: float = 0.0
    paused: set[str] = field(default_factory=set)
    """Slots that got nothing because the path has no room."""
    _auto: int = FULL
    _starved: int = 0
    _quiet: float = 0.0
    _wait: float = TRY_AFTER_S
    _raised: float | None = None
    _lossy: bool = False

    @property
    def rung(self) -> int:
        """What is carried now."""
        chosen = SOUND if self.listen else SPEAKER if self.mode is SaverMode.ON else FULL
        return max(chosen, FULL if self.mode is SaverMode.OFF else self._auto)

    @property
    def why(self) -> Why:
        """Why not everything."""
        if self.rung == FULL:
            return ""
        if self.mode is not SaverMode.OFF and self._auto == self.rung:
            return "loss" if self._lossy else "bandwidth"
        return "chosen"

    def choose(self, mode: SaverMode, *, listen: bool) -> None:
        """The person decides; lifting the saver forgets what was measured."""
        if mode is SaverMode.OFF:
            self._auto, self._starved, self._wait = FULL, 0, TRY_AFTER_S
        self.mode, self.listen = mode, listen

    def anew(self) -> bool:
        """Another path, or one that came back: what was measured says nothing about it, nor does its first report. True when the rung changed."""
        before = self.rung
        self._auto, self._starved, self._wait, self._raised = FULL, -1, TRY_AFTER_S, None
        return self.rung != before

    def look(self, estimate: int, loss: float, rtt: float, now: float) -> bool:
        """A report of the path; True when the rung changed."""
        before = self.rung
        self.estimate, self.loss, self.rtt = estimate, loss, rtt
        self._lossy = loss > LOSSY
        if self.paused or self._lossy:
            self._starved += 1
            self._quiet = now
            if self._starved >= STARVED_LOOKS:
                self._lower(now)
        else:
            self._starved = 0
            self._raise(now)
        return self.rung != before

    def _lower(self, now: float) -> None:
        fits = next(rung for rung, least in enumerate(NEEDS) if self.estimate >= least)
        worst = THIN if self.loss > HOPELESS or self.estimate < NEEDS[SOUND] else SOUND
        if self._raised is not None and now - self._raised < HOLDS_S:
            self._wait = min(TRY_AFTER_MAX_S, self._wait * 2)
        self._raised = None
        self._starved = 0
        self._auto = max(self._auto, min(worst, max(self._auto + 1, fits)))

    def _raise(self, now: float) -> None:
        if self._raised is not None and now - self._raised >= HOLDS_S:
            self._wait, self._raised = TRY_AFTER_S, None
        if self._auto > FULL and now - self._quiet >= self._wait:
            self._auto -= 1
            self._raised = self._quiet = now


def within(looks: Sequence[Look], rung: int, screens: Collection[str]) -> list[Look]:
    """What of a page's wishes a rung leaves: slides as long as anything, then one face, no large picture before all small ones."""
    if rung >= SOUND:
        return []
    slides = [look for look in looks if look.track in screens]
    if rung >= SLIDES:
        return slides
    faces = [look for look in looks if look.track not in screens]
    if rung >= SPEAKER:
        first = next((look for look in faces if look.rank == "stage"), faces[0] if faces else None)
        return [*slides, *([_small(first, SMALLER)] if first else [])]
    if rung >= NO_LARGE:
        return [*slides, *(_small(look, SMALL) for look in faces)]
    return list(looks)


def _small(look: Look, height: int) -> Look:
    if look.height <= height:
        return look
    return look.model_copy(update={"width": look.width * height // look.height, "height": height})
