"""The closed expression language: what may stand in a condition, what it means, and that a bomb never runs."""

import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.sdk.readings import Value
from smartroom.control.limits import EXPRESSION_LENGTH
from smartroom.control.room.expressions import BadExpression, Unknown, compile_expression
from smartroom.control.room.model import PropertyKey

READINGS: dict[str, Value] = {"projector.power": "on", "matrix.volume.1": 60.0, "matrix.route.1": 2, "lamp.on": True}


class Words:
    """Names as they are written, values as they come; a route knows one source by name."""

    def key(self, name: str) -> PropertyKey:
        """The device is what stands before the first dot."""
        device, _, rest = name.partition(".")
        return device, rest

    def goal(self, name: str, written: Value) -> tuple[PropertyKey, Value, float]:
        """`podium` is input 2; volumes match within one."""
        return self.key(name), 2 if written == "podium" else written, 1.0 if ".volume" in name else 0.0


class Room:
    """Readings of one moment."""

    def reading(self, key: PropertyKey) -> Value:
        """What is not listed is away."""
        name = ".".join(key)
        if name not in READINGS:
            raise Unknown(f"{name}: the device is not connected")
        return READINGS[name]

    def steps(self) -> Mapping[str, Mapping[str, Value]]:
        """One step has ended."""
        return {"naik": {"result": "achieved", "seconds": 4.5}}

    def time(self) -> Mapping[str, int]:
        """Five past nine on a Tuesday."""
        return {"hour": 9, "minute": 5, "weekday": 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("is('projector.power', 'on')", True),
        ("is('matrix.volume.1', 60.5)", True),
        ("is('matrix.route.1', 'podium')", True),
        ("value('matrix.volume.1') == 60", True),
        ("value('matrix.volume.1') > 40 && value('matrix.route.1') != 3", True),
        ("value('matrix.route.1') in [1, 3]", False),
        ("is('gone.power', 'on')", None),
        ("known('gone.power') && is('gone.power', 'on')", False),
        ("is('gone.power', 'on') || is('projector.power', 'on')", True),
        ("steps.naik.result == 'achieved' && steps.naik.seconds < 5", True),
        ("steps.turun.result == 'achieved'", None),
        ("time.hour >= 9 && time.weekday <= 5", True),
        ("value('lamp.on')", True),
        ("!value('lamp.on')", False),
        ("value('projector.power').startsWith('o')", True),
        ("value('matrix.route.1') > -1", True),
        ("1 / 0 == 1", None),
        ("value('matrix.volume.1')", None),
    ],
)
def test_what_conditions_mean(text: str, expected: bool | None) -> None:
    """True, false, or not to be said; what is not known never counts as true."""
    assert compile_expression(text, Words()).judge(Room()).holds is expected


def test_what_a_condition_reads_is_known_before_it_runs() -> None:
    """A plan can name every property and step a condition looks at."""
    found = compile_expression("known('a.x') && is('b.y', 1) || steps.naik.seconds > 3", Words())
    assert set(found.reads) == {("a", "x"), ("b", "y")}
    assert found.steps == {"naik"}


def test_what_is_not_known_says_why() -> None:
    """The reason names the device."""
    assert "not connected" in compile_expression("is('gone.power', 'on')", Words()).judge(Room()).why


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("is('projector.power'", "not an expression"),
        ("power == 1", "no name 'power'"),
        ("valeu('a.b') == 1", "did you mean 'value'"),
        ("is(value('a.b'), 1)", "name in quotes"),
        ("value('a.b' + 'c')", "name in quotes"),
        ("[1, 2].all(x, x > 0)", "no function 'all'"),
        ("[1].map(x, [1].map(y, x))", "no function 'map'"),
        ("'a'.matches('(a+)+$')", "no function 'matches'"),
        ("steps.naik.foo", "no part of a step"),
        ("time.year == 2026", "no part of time"),
        ("{'a': 1}.a", "no place here"),
        ("steps['naik'].result == 'achieved'", "no place here"),
        ("(" * 500 + "true" + ")" * 500, "keep it below"),
        ("(" * 100 + "true" + ")" * 100, "nested too deep"),
        ("!" * 300 + "true", "more than"),
        ("true " + "&& true " * 3000, "keep it below"),
        ("__import__('os').system('true')", "no function"),
    ],
)
def test_what_may_not_stand_there_is_refused_with_a_fix(text: str, told: str) -> None:
    """A bomb, a macro, a regular expression, an unknown word: refused before anything runs, quickly, with what to write."""
    begun = time.perf_counter()
    with pytest.raises(BadExpression) as found:
        compile_expression(text, Words())
    assert told in f"{found.value}. Fix: {found.value.fix}"
    assert found.value.fix
    assert time.perf_counter() - begun < 2


_PIECES = st.sampled_from(
    ["is('a.b', 1)", "value('a.b')", "steps.x.result", "time.hour", "1", "'x'", "true", "==", "&&", "||", "!", "(", ")", "[", "]",
     "-", "+", ">", "in", "?", ":", ".", ",", "known('a.b')", "size", "9999999999999999999999", '"', "\\", "{", "}"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=40).map(" ".join) | st.text(max_size=EXPRESSION_LENGTH + 10))
def test_any_text_is_judged_or_refused(text: str) -> None:
    """Whatever is written: BadExpression, or a condition that never raises when it is asked."""
    try:
        found = compile_expression(text, Words())
    except BadExpression:
        return
    assert found.judge(Room()).holds in (True, False, None)
