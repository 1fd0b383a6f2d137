"""Rules of offers and answers, without I/O: one at a time per connection, numbered, old ones refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from smartroom.control.errors import ProblemError, problem
from smartroom.protocol.errors import ErrorCode


@dataclass(slots=True)
class Offers:
    """Revisions of one connection. Whoever offers counts; the answer names what it answers."""

    rev: int = 0
    answered: int = 0

    def theirs(self, rev: int) -> None:
        """The page's own offer; raises ProblemError STALE unless it is newer than every one before."""
        if rev <= self.rev:
            raise stale(f"offer {rev}, {self.rev} was taken already")
        self.rev = self.answered = rev

    def ours(self) -> int:
        """A new offer of the server."""
        self.rev += 1
        return self.rev

    def answer(self, rev: int) -> None:
        """The page's answer; raises ProblemError STALE unless it answers the newest offer for the first time."""
        if rev != self.rev or rev == self.answered:
            raise stale(f"answer to {rev}, the newest offer is {self.rev}")
        self.answered = rev


@dataclass(slots=True)
class Connections:
    """Both connections of one person; roles never swap, so glare cannot happen."""

    pub: Offers = field(default_factory=Offers)
    sub: Offers = field(default_factory=Offers)


def stale(detail: str) -> ProblemError:
    """An offer or answer that came too late."""
    return ProblemError(
        problem(ErrorCode.STALE, "Sambungan sudah diganti", "The connection has moved on", detail=detail)
    )
