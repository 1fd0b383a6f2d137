"""What moves, what runs in which of the camera's two sockets, and what must end before something else may begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from devices.sdk.commands import Act, Command, Query, Set
from devices.sdk.driver import FollowUp
from devices.visca import protocol as visca

PAN_TILT: Final = "drive"
ZOOM: Final = "drive_zoom"
BOTH: Final = frozenset({PAN_TILT, ZOOM})
STILL: Final = {PAN_TILT: Act(PAN_TILT, {"pan": 0, "tilt": 0}), ZOOM: Act(ZOOM, {"speed": 0})}
"""The stop of each axis."""
STOP: Final = Act("stop")


def axes(command: Command) -> frozenset[str]:
    """What a command moves or holds still."""
    match command:
        case Set("preset") | Act("stop"):
            return BOTH
        case Set("position") | Act("drive" | "home"):
            return frozenset({PAN_TILT})
        case Set("zoom") | Act("drive_zoom"):
            return frozenset({ZOOM})
    return frozenset()


def drives(command: Command) -> bool:
    """True for a continuous drive: it ends only when somebody ends it."""
    return isinstance(command, Act) and command.name in BOTH and any(command.arguments.values())


def stops(command: Command) -> bool:
    """True for what only brings something to rest."""
    return command == STOP or command in STILL.values()


def follow_ups(command: Command, deadman_s: float) -> tuple[FollowUp, ...]:
    """The dead-man stop: armed by each continuous drive, called off by whatever ends it."""
    if drives(command):
        return tuple(FollowUp(axis, deadman_s, STILL[axis]) for axis in axes(command))
    return tuple(FollowUp(axis) for axis in sorted(axes(command)))


@dataclass(frozen=True, slots=True)
class Running:
    """A command the camera has acknowledged and not completed. Socket 0: it did not say which."""

    socket: int
    command: Command


class Sockets:
    """What one camera is carrying out, keyed by token: the sequence number where there is one, else the socket."""

    def __init__(self) -> None:
        self._running: dict[int, Running] = {}
        self._driven: frozenset[str] = frozenset()
        self._taken_by_others = False

    def began(self, command: Command) -> None:
        """The camera took a command: a drive goes on, everything else ends the drive of its axes."""
        self._taken_by_others = False
        if drives(command):
            self._driven |= axes(command)
        else:
            self._driven -= axes(command)

    def open(self, token: int, socket: int, command: Command) -> bool:
        """A command runs; True when the token was in use, so that the older completion must have been lost."""
        reused = token in self._running
        self._running[token] = Running(socket, command)
        return reused

    def close(self, token: int) -> Command:
        """It is finished, well or not."""
        return self._running.pop(token).command

    def find(self, socket: int, sequence: int | None) -> int | None:
        """Token of what a reply speaks of."""
        if sequence is None:
            return socket if socket in self._running else None
        if sequence in self._running:
            return sequence
        return next((token for token, running in self._running.items() if socket and running.socket == socket), None)

    def empty(self, socket: int | None = None) -> list[int]:
        """Forget what runs in a socket, or everything; returns the tokens."""
        tokens = [token for token, running in self._running.items() if socket in (None, running.socket)]
        for token in tokens:
            del self._running[token]
        return tokens

    def full(self) -> None:
        """The camera has no free socket: somebody else's commands run there."""
        self._taken_by_others = True

    def preempt(self, command: Command) -> tuple[Command, ...]:
        """Whatever moves the same axes is cancelled before a new goal; a continuous drive is stopped before an absolute one.

        A stop also cancels what other controllers run, when that leaves no socket for it.
        """
        wanted = axes(command)
        met = [running for running in self._running.values() if axes(running.command) & wanted]
        sockets = {running.socket for running in met if running.socket in visca.SOCKETS}
        if self._taken_by_others and stops(command):
            sockets |= set(visca.SOCKETS)
        first: list[Command] = [Act("cancel", {"socket": socket}) for socket in sorted(sockets)]
        if isinstance(command, Query) or drives(command) or stops(command):
            return tuple(first)
        if any(running.socket not in visca.SOCKETS for running in met):
            return (*first, STOP)  # it cannot be cancelled by name
        return (*first, *(STILL[axis] for axis in sorted(self._driven & wanted)))
