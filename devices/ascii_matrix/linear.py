r"""Regular expressions whose matching time is bounded: all ways through a pattern are followed at once, so none is ever tried again.

A profile comes from somebody's keyboard and the line from somebody's matrix; with `re` the two together can stop the server (`(\d+)*x`). Here one line costs at
most its length times the pattern's. Known: literals, `.`, `\d \D \s \S \w \W`, `[classes]`, `(groups)`, `(?:groups)`, `(?P<name>groups)`, `a|b`, and
`? * + {m} {m,} {m,n}` with their lazy forms. Characters are those of latin-1, so a byte is a character.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_PROGRAM = 300
"""Instructions; every line of every manual needs fewer than 100."""
MAX_REPEAT = 64
MAX_DEPTH = 16
"""Groups inside groups."""

_ALL = frozenset(map(chr, range(256)))
_CLASSES = {
    "d": frozenset(string.digits),
    "s": frozenset(" \t\r\n\f\v"),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
}
_CLASSES |= {name.upper(): _ALL - characters for name, characters in _CLASSES.items()}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_SPECIAL = frozenset(".[]()|?*+{}\\^$")


class PatternError(ValueError):
    """A pattern that is not understood; says which part and what is."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One instruction: eat a character of a set, or go on at several places (the first is preferred), or note a group's end."""

    eats: frozenset[str] | None = None
    goes: tuple[int, ...] = ()
    notes: tuple[str, bool] | None = None


_Spans = Mapping[str, tuple[int, int]]
_Thread = tuple[int, _Spans]


class Pattern:
    """A compiled pattern; PatternError when it is not understood."""

    def __init__(self, text: str) -> None:
        self.text = text
        parser = _Parser(text)
        self._steps = parser.steps
        self.names = frozenset(parser.names)

    def __len__(self) -> int:
        """Instructions: what one character of a line may cost."""
        return len(self._steps)

    def fullmatch(self, line: str) -> Mapping[str, str] | None:
        """Named groups when the whole line matches; a group that took no part is missing."""
        found = self._run(line, 0, whole=True)
        return _texts(line, found[1]) if found else None

    def finditer(self, line: str) -> Iterator[Mapping[str, str]]:
        """Named groups of each match inside the line, from the left; empty matches are passed over."""
        at = 0
        while at < len(line):
            found = self._run(line, at, whole=False)
            if found and found[0] > at:
                yield _texts(line, found[1])
                at = found[0]
            else:
                at += 1

    def _run(self, line: str, start: int, *, whole: bool) -> tuple[int, _Spans] | None:
        best: tuple[int, _Spans] | None = None
        threads = self._follow(0, {}, start, set())
        for at in range(start, len(line) + 1):
            seen: set[int] = set()
            following: list[_Thread] = []
            for step, spans in threads:
                if step == len(self._steps):
                    if not whole or at == len(line):
                        best = (at, spans)
                        break  # the others are less preferred
                elif at < len(line) and line[at] in (self._steps[step].eats or ()):
                    following += self._follow(step + 1, spans, at + 1, seen)
            threads = following
            if not threads:
                break
        return best

    def _follow(self, step: int, spans: _Spans, at: int, seen: set[int]) -> list[_Thread]:
        """Places that eat a character next, reached without eating one, in order of preference."""
        found: list[_Thread] = []
        waiting: list[_Thread] = [(step, spans)]
        while waiting:
            step, spans = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            if step == len(self._steps) or self._steps[step].eats is not None:
                found.append((step, spans))
            elif (notes := self._steps[step].notes) is not None:
                name, ends = notes
                begun = spans[name][0] if ends and name in spans else at
                waiting.append((step + 1, {**spans, name: (begun, at if ends else -1)}))
            else:
                waiting += [(target, spans) for target in reversed(self._steps[step].goes)]
        return found


def escape(text: str) -> str:
    """A pattern that matches exactly this text."""
    return "".join(f"\\{character}" if character in _SPECIAL else character for character in text)


def _texts(line: str, spans: _Spans) -> Mapping[str, str]:
    return {name: line[start:end] for name, (start, end) in spans.items() if end >= 0}


class _Parser:
    """Turns a pattern into steps in one pass; a repetition copies the steps it repeats."""

    def __init__(self, text: str) -> None:
        self.names: list[str] = []
        self._text = text
        self._at = 0
        self._depth = 0
        if any(character not in _ALL for character in text):
            raise PatternError("only characters of latin-1 can be matched")
        self.steps = self._either()
        if self._at < len(text):
            raise PatternError(f"a ) too many at character {self._at + 1}")

    def _either(self) -> list[_Step]:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        steps = options.pop()
        while options:
            option = options.pop()
            steps = [
                _Step(goes=(1, len(option) + 2)),
                *_moved(option, 1),
                _Step(goes=(len(option) + 2 + len(steps),)),
                *_moved(steps, len(option) + 2),
            ]
        return self._bounded(steps)

    def _sequence(self) -> list[_Step]:
        steps: list[_Step] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            steps += _moved(self._repeated(self._atom()), len(steps))
            self._bounded(steps)
        return steps

    def _repeated(self, steps: list[_Step]) -> list[_Step]:
        if self._take("?"):
            least, most = 0, 1
        elif self._take("*"):
            least, most = 0, -1
        elif self._take("+"):
            least, most = 1, -1
        elif self._take("{"):
            least, most = self._bounds()
        else:
            return steps
        lazy = self._take("?")
        if self._at < len(self._text) and self._text[self._at] in "?*+{":
            raise PatternError(f"nothing to repeat at character {self._at + 1}")
        found: list[_Step] = []
        for _ in range(least):
            found += _moved(steps, len(found))
            self._bounded(found)
        if most < 0:
            goes = (len(found) + 1, len(found) + len(steps) + 2)
            body = _moved(steps, len(found) + 1)
            found += [_Step(goes=goes[::-1] if lazy else goes), *body, _Step(goes=(len(found),))]
        else:
            end = len(found) + (most - least) * (len(steps) + 1)
            for _ in range(most - least):
                goes = (len(found) + 1, end)
                found += [_Step(goes=goes[::-1] if lazy else goes), *_moved(steps, len(found) + 1)]
                self._bounded(found)
        return found

    def _bounds(self) -> tuple[int, int]:
        inside, brace, _ = self._text[self._at :].partition("}")
        low, comma, high = inside.partition(",")
        if not brace or not low.isdigit() or (high and not high.isdigit()):
            raise PatternError(f"at character {self._at}: write {{3}} or {{1,3}}, or \\{{ for the character itself")
        self._at += len(inside) + 1
        least, most = int(low), int(high) if high else -1 if comma else int(low)
        if least > MAX_REPEAT or most > MAX_REPEAT or 0 <= most < least:
            raise PatternError(f"{{{inside}}}: from 0 to {MAX_REPEAT} times, the smaller number first")
        return least, most

    def _atom(self) -> list[_Step]:
        character = self._next()
        if character == "(":
            return self._group()
        if character == "[":
            return [_Step(eats=self._class())]
        if character == ".":
            return [_Step(eats=_ALL - {"\n"})]
        if character == "\\":
            return [_Step(eats=self._escaped())]
        if character in "?*+{":
            raise PatternError(f"nothing to repeat at character {self._at}; \\{character} is the character itself")
        if character in "^$":
            raise PatternError(f"leave out {character}: a pattern always fits the whole line")
        return [_Step(eats=frozenset(character))]

    def _group(self) -> list[_Step]:
        name = ""
        if self._take("?"):
            if self._take("P<"):
                name, closed, _ = self._text[self._at :].partition(">")
                if not closed or not name.isidentifier() or name in self.names:
                    raise PatternError(f"'{name[:20]}' is no group name, or stands twice")
                self._at += len(name) + 1
                self.names.append(name)
            elif not self._take(":"):
                raise PatternError(f"at character {self._at}: only (?:...) and (?P<name>...) are known")
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PatternError(f"more than {MAX_DEPTH} groups inside each other")
        steps = self._either()
        self._depth -= 1
        if not self._take(")"):
            raise PatternError("a ) is missing")
        if not name:
            return steps
        return [_Step(notes=(name, False)), *_moved(steps, 1), _Step(notes=(name, True))]

    def _class(self) -> frozenset[str]:
        negated = self._take("^")
        found: set[str] = set()
        first = True
        while first or not self._take("]"):
            first = False
            start = self._member()
            if (
                len(start) == 1
                and self._text[self._at : self._at + 1] == "-"
                and self._text[self._at + 1 : self._at + 2] not in ("]", "")
            ):
                self._at += 1
                end = self._member()
                low, high = ord(min(start)), ord(max(end))
                if len(end) != 1 or high < low:
                    raise PatternError(f"no range before character {self._at + 1}")
                found |= set(map(chr, range(low, high + 1)))
            else:
                found |= start
        return _ALL - found if negated else frozenset(found)

    def _member(self) -> frozenset[str]:
        character = self._next()
        return self._escaped() if character == "\\" else frozenset(character)

    def _escaped(self) -> frozenset[str]:
        character = self._next()
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _ESCAPES:
            return frozenset(_ESCAPES[character])
        if character.isalnum():
            raise PatternError(f"\\{character} is not known; known: \\d \\s \\w \\D \\S \\W \\n \\r \\t")
        return frozenset(character)

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise PatternError("the pattern ends too early: is a ] or ) missing?")
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    @staticmethod
    def _bounded(steps: list[_Step]) -> list[_Step]:
        if len(steps) > MAX_PROGRAM:
            raise PatternError("the pattern is too long")
        return steps


def _moved(steps: list[_Step], by: int) -> list[_Step]:
    return [_Step(step.eats, tuple(target + by for target in step.goes), step.notes) for step in steps]
