"""What can go wrong, sorted by what a program does next.

ClientError
├── ServerGone        nobody answers: wait and try again
├── OtherVersion      the server's words are not ours: bring the client to the server's version
└── Refused           the server said no; `problem` says why, in both languages
    ├── NotAllowed    no token, a wrong one, or a right that is missing: another token
    ├── NotFound      no such room, scene, device or run
    ├── WrongRequest  the program asks for something impossible: correct the program or the site's files
    ├── NotNow        too much or too often: wait and try again
    ├── Overtaken     too late, cancelled, or somebody else's press took its place: look at the state again
    └── DeviceTrouble the hardware: offline, silent, or it said no
"""

from __future__ import annotations

from collections.abc import Mapping

from smartroom.protocol.errors import ErrorCode, Problem


class ClientError(Exception):
    """Base of everything the client raises."""


class ServerGone(ClientError):
    """Nobody answers at the server's address."""


class OtherVersion(ClientError):
    """The server speaks another version of the protocol."""


class Refused(ClientError):
    """The server said no; `problem` tells why. `status` is HTTP's, 0 when it came by the socket."""

    def __init__(self, problem: Problem, status: int = 0) -> None:
        super().__init__(problem.text.en or problem.text.id)
        self.problem = problem
        self.status = status

    @property
    def code(self) -> ErrorCode:
        """The stable code."""
        return self.problem.code


class NotAllowed(Refused):
    """The token is missing, wrong or ended, or lacks the right."""


class NotFound(Refused):
    """No such room, scene, device or run."""


class WrongRequest(Refused):
    """The request cannot be carried out as it is."""


class NotNow(Refused):
    """Too much at once; the same request later is fine."""


class Overtaken(Refused):
    """Time or somebody else was faster."""


class DeviceTrouble(Refused):
    """The hardware did not do it; `problem.device` names it."""


def refused(problem: Problem, status: int = 0) -> Refused:
    """The error of a problem's code."""
    return _BY_CODE.get(problem.code, Refused)(problem, status)


_BY_CODE: Mapping[ErrorCode, type[Refused]] = {
    ErrorCode.UNAUTHENTICATED: NotAllowed,
    ErrorCode.FORBIDDEN: NotAllowed,
    ErrorCode.NOT_FOUND: NotFound,
    ErrorCode.INVALID: WrongRequest,
    ErrorCode.CONFIGURATION: WrongRequest,
    ErrorCode.NOT_SUPPORTED: WrongRequest,
    ErrorCode.BUSY: NotNow,
    ErrorCode.RATE_LIMITED: NotNow,
    ErrorCode.OVERLOADED: NotNow,
    ErrorCode.EXPIRED: Overtaken,
    ErrorCode.STALE: Overtaken,
    ErrorCode.SUPERSEDED: Overtaken,
    ErrorCode.OVERRIDDEN: Overtaken,
    ErrorCode.CANCELLED: Overtaken,
    ErrorCode.BLOCKED: Overtaken,
    ErrorCode.RULE: WrongRequest,
    ErrorCode.UNREACHABLE: DeviceTrouble,
    ErrorCode.TIMEOUT: DeviceTrouble,
    ErrorCode.REFUSED: DeviceTrouble,
    ErrorCode.NOT_REACHED: DeviceTrouble,
    ErrorCode.UNVERIFIED: DeviceTrouble,
    ErrorCode.DEGRADED: DeviceTrouble,
    ErrorCode.WRONG_PASSWORD: DeviceTrouble,
    ErrorCode.PORT_IN_USE: DeviceTrouble,
}
