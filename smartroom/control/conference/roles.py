"""May they, in a meeting? One table of roles and events, deny by default; `control/identity` decides who gets which role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from smartroom.protocol import conference as say
from smartroom.protocol.conference import SeatRole

_SEATED = frozenset({SeatRole.HOST, SeatRole.CO_HOST, SeatRole.PARTICIPANT, SeatRole.LISTENER, SeatRole.ROOM})
_LEADERS = frozenset({SeatRole.HOST, SeatRole.CO_HOST})
_HOST = frozenset({SeatRole.HOST})
_EVERYBODY = frozenset(SeatRole)

ACTS: Final[Mapping[str, tuple[type[say.Act], frozenset[SeatRole]]]] = {
    "hand": (say.RaiseHand, _SEATED),
    "say": (say.Say, _SEATED),
    "here": (say.Here, _SEATED),
    "quit": (say.Quit, _EVERYBODY),
    "admit": (say.Admit, _LEADERS),
    "turn-away": (say.TurnAway, _LEADERS),
    "mute": (say.Mute, _LEADERS),
    "give-turn": (say.GiveTurn, _LEADERS),
    "lower-hands": (say.LowerHands, _LEADERS),
    "remove": (say.RemovePerson, _LEADERS),
    "role": (say.SetRole, _LEADERS),
    "arrange": (say.Arrange, _LEADERS),
    "stage": (say.SetStage, _LEADERS),
    "roll-start": (say.StartRoll, _LEADERS),
    "roll-call": (say.CallRoll, _LEADERS),
    "roll-mark": (say.MarkRoll, _LEADERS),
    "roll-stop": (say.StopRoll, _LEADERS),
    "call-seat": (say.CallSeat, _LEADERS),
    "item": (say.SetItem, _LEADERS),
    "extend": (say.Extend, _LEADERS),
    "end": (say.EndMeeting, _HOST),
    "hand-over": (say.HandOver, _HOST),
}
"""Event -> its message, and who may say it. A panel of the room counts as host. Its test walks every cell."""

PUBLISHES: Final[frozenset[SeatRole]] = _SEATED - {SeatRole.LISTENER}
"""Who may send sound and pictures."""

LEADERS = _LEADERS
"""Who hosts."""


def may(role: SeatRole, event: str) -> bool:
    """True only when the table says so."""
    found = ACTS.get(event)
    return found is not None and role in found[1]
