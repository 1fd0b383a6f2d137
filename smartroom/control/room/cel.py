"""The one place of the CEL library: what of the language may be used, and what our functions mean."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache, partial

import lark
from celpy import Environment, celtypes, evaluation
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError, CELFunction

from devices.sdk.readings import Value, matches
from smartroom.control.limits import EXPRESSION_PARTS
from smartroom.control.room.expressions import EXAMPLE, BadExpression, Expression, Look, Names, Unknown, Verdict
from smartroom.control.room.model import PropertyKey

FUNCTIONS = ("is", "value", "known", "size", "int", "double", "string")
METHODS = ("contains", "startsWith", "endsWith")
NAMES: Mapping[str, tuple[str, ...]] = {"time": ("hour", "minute", "weekday"), "steps": ("result", "seconds")}

_READERS = {"is": 2, "value": 1, "known": 1}
_NUMBERS = (celtypes.IntType, celtypes.UintType, celtypes.DoubleType)
_KEPT = frozenset({"ident", "ident_arg", "member_dot", "literal", "unary"})
"""Nodes that mean something; the grammar puts a dozen levels around each."""

_Tree = lark.Tree[lark.Token]
_Goal = tuple[PropertyKey, Value, float]


def judged(text: str, names: Names) -> Expression:
    """Parse and walk the syntax tree once: only what is listed may stand there."""
    try:
        tree = _environment().compile(text)
    except CELParseError as error:
        where = f" at character {error.column}" if error.column and error.column > 0 else ""
        raise BadExpression(f"not an expression{where}: {text}", f"write it like  {EXAMPLE}") from None
    nodes = _nodes(tree)
    if len(nodes) > EXPRESSION_PARTS:
        raise BadExpression(f"an expression of {len(nodes)} parts", f"keep it below {EXPRESSION_PARTS}: split it")
    judge = _Judge(names)
    for node in nodes:
        judge.look_at(node)
    reads = dict.fromkeys([*judge.keys.values(), *(key for key, _, _ in judge.goals.values())])
    run = partial(_run, tree, judge.keys, judge.goals)
    return Expression(text, tuple(reads), frozenset(judge.steps), run)


def _run(tree: _Tree, keys: Mapping[str, PropertyKey], goals: Mapping[tuple[str, Value], _Goal], look: Look) -> Verdict:
    def value(name: object) -> object:
        found = look.reading(keys[str(name)])
        return json_to_cel(list(found) if isinstance(found, tuple) else found)

    def held(name: object, written: object) -> object:
        key, goal, tolerance = goals[str(name), _plain(written)]
        return celtypes.BoolType(matches(look.reading(key), goal, tolerance))

    def known(name: object) -> object:
        try:
            look.reading(keys[str(name)])
        except Unknown:
            return celtypes.BoolType(False)
        return celtypes.BoolType(True)

    ours: dict[str, CELFunction] = {"is": _told(held), "value": _told(value), "known": _told(known), **_EQUAL}
    program = _environment().program(tree, functions=ours)
    try:
        steps = {key: dict(item) for key, item in look.steps().items()}
        found = program.evaluate({"steps": json_to_cel(steps), "time": json_to_cel(dict(look.time()))})
    except CELEvalError as error:
        return Verdict(None, _reason(error))
    if not isinstance(found, celtypes.BoolType):
        return Verdict(None, f"it gives {found!s}, not true or false")
    return Verdict(bool(found))


class _Judge:
    def __init__(self, names: Names) -> None:
        self.keys: dict[str, PropertyKey] = {}
        self.goals: dict[tuple[str, Value], _Goal] = {}
        self.steps: set[str] = set()
        self._names = names

    def look_at(self, node: _Tree) -> None:
        match _kind(node):
            case "ident":
                _listed(str(node.children[0]), NAMES, "name")
            case "ident_arg":
                self._call(node)
            case "member_dot_arg":
                _listed(str(node.children[1]), METHODS, "function")
            case "member_dot":
                self._member(node)
            case "member_object" | "dot_ident" | "dot_ident_arg" | "map_lit" | "member_index":
                raise BadExpression("maps, messages and indexes have no place here", f"write it like  {EXAMPLE}")

    def _call(self, node: _Tree) -> None:
        name = _listed(str(node.children[0]), FUNCTIONS, "function")
        if name not in _READERS:
            return
        given = _arguments(node)
        if len(given) != _READERS[name] or not isinstance(given[0], str):
            example = "is('projector.power', 'on')" if name == "is" else f"{name}('projector.power')"
            raise BadExpression(f"{name}() takes a property's name in quotes", f"write it like  {example}")
        if name == "is":
            self.goals[given[0], given[1]] = self._names.goal(given[0], given[1])
        else:
            self.keys[given[0]] = self._names.key(given[0])

    def _member(self, node: _Tree) -> None:
        """`steps.ID.result` and `time.hour`, nothing else."""
        inner, name = _slim(_child(node, 0)), str(node.children[1])
        if _kind(inner) == "ident" and str(inner.children[0]) == "steps":
            self.steps.add(name)
        elif _kind(inner) == "ident":
            _listed(name, NAMES["time"], "part of time")
        elif _kind(inner) == "member_dot":
            _listed(name, NAMES["steps"], "part of a step")
        else:
            raise BadExpression(f"'.{name}' has no place here", f"write it like  {EXAMPLE}")


def _kind(node: _Tree) -> str:
    return str(node.data)


def _child(node: _Tree, index: int) -> _Tree:
    found = node.children[index]
    assert isinstance(found, lark.Tree)
    return found


def _nodes(tree: _Tree) -> list[_Tree]:
    found, waiting = [], [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += [child for child in node.children if isinstance(child, lark.Tree)]
    return found


def _slim(node: _Tree) -> _Tree:
    """The node that means something, without the grammar's levels around it."""
    while _kind(node) not in _KEPT or (_kind(node) == "unary" and len(node.children) == 1):
        inner = [child for child in node.children if isinstance(child, lark.Tree)]
        if len(inner) != 1:
            break
        node = inner[0]
    return node


def _arguments(node: _Tree) -> list[Value]:
    """Literal arguments of a call; what is no literal is None."""
    given = [child for child in node.children if isinstance(child, lark.Tree)]
    return [_literal(child) for child in given[0].children if isinstance(child, lark.Tree)] if given else []


def _literal(node: _Tree) -> Value:
    inner = _slim(node)
    if _kind(inner) == "unary":  # -40
        value = _literal(_child(inner, 1))
        return -value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if _kind(inner) != "literal":
        return None
    return _plain(_environment().program(inner).evaluate({}))


def _listed(name: str, known: Mapping[str, object] | tuple[str, ...], what: str) -> str:
    if name in known:
        return name
    near = get_close_matches(name, known, n=1)
    fix = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known)}"
    raise BadExpression(f"no {what} '{name}' in expressions", fix)


def _plain(value: object) -> Value:
    """A value of the library as ours."""
    if isinstance(value, celtypes.BoolType):
        return bool(value)
    if isinstance(value, celtypes.IntType | celtypes.UintType):
        return int(value)
    if isinstance(value, celtypes.DoubleType):
        return float(value)
    return str(value) if isinstance(value, celtypes.StringType) else None


def _told(function: Callable[..., object]) -> CELFunction:
    """What is not known becomes the language's own error, so that `||` and `&&` may still decide."""

    def call(*arguments: object) -> object:
        try:
            return function(*arguments)
        except Unknown as error:
            return CELEvalError(str(error))

    return call  # type: ignore[return-value]  # the library's values; ours are made above


def _numbers_too(ours: Callable[[float, float], bool], theirs: CELFunction) -> CELFunction:
    """A level that reads 60.0 equals 60, as in a scene."""

    def compare(one: object, other: object) -> object:
        if isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS):
            return celtypes.BoolType(ours(float(one), float(other)))
        return theirs(one, other)

    return compare  # type: ignore[return-value]  # as above


_EQUAL: Mapping[str, CELFunction] = {
    "_==_": _numbers_too(operator.eq, evaluation.bool_eq),
    "_!=_": _numbers_too(operator.ne, evaluation.bool_ne),
}


def _reason(error: Exception) -> str:
    """One sentence of the library's error: its details name the whole world."""
    first = error.args[0] if error.args else ""
    text = str(first[0] if isinstance(first, tuple) and first else first)
    return text.partition("(in activation")[0].strip()[:200]


@cache
def _environment() -> Environment:
    limit = sys.getrecursionlimit()
    try:
        return Environment()
    finally:
        sys.setrecursionlimit(
            limit
        )  # the library raises it for the whole process; what we let through is not nested so deep
