"""Profile files: one dialect of cheap matrices as data. The driver fills commands and reads replies, the simulator reads commands and fills replies.

A profile is tried when it is read: each reply it says must be understood by its own pattern, each command must be told from every other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from devices.ascii_matrix.linear import Pattern, PatternError
from devices.ascii_matrix.shapes import GAPS, Effect, Meaning, Pace, ProfileText, Wire
from devices.ascii_matrix.templates import NUMBERS, Template, TemplateError, parse_template
from devices.sdk import BadSetting, Document, DocumentError, Settings, read_document

SHIPPED = Path(__file__).parent / "profiles"
LONGEST_LINE = 256
"""Characters of one command or reply; 16 outputs in one line need fewer."""
MAX_INSTRUCTIONS = 1000
"""Of all replies together: with the longest line this bounds what one message can cost, some tenths of a second at the worst."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command ready for use."""

    effect: Effect
    template: Template
    spellings: tuple[Template, ...]
    """The template, and what else the device understands as the same."""
    patterns: tuple[Pattern, ...]
    """For each spelling."""
    reply: str | None
    reply_when_off: str | None

    def understood(self, text: str) -> Mapping[str, str] | None:
        """The numbers of a command that was heard; None when it is another one."""
        return next((groups for pattern in self.patterns if (groups := pattern.fullmatch(text)) is not None), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply ready for use."""

    name: str
    means: Meaning
    says: Template
    pattern: Pattern
    each: Template | None
    each_pattern: Pattern | None


@dataclass(frozen=True, slots=True)
class Profile:
    """One dialect."""

    title: str
    wire: Wire
    pace: Pace
    commands: Mapping[Effect, Command]
    replies: Mapping[str, Reply]
    front_panel: str | None
    greeting: str

    @property
    def hexadecimal(self) -> bool:
        """True where the wire carries frames of bytes."""
        return self.wire.form == "hex"

    @property
    def asks(self) -> Command | None:
        """The command that reads an output back, if there is any."""
        return self.commands.get(Effect.ASK) or self.commands.get(Effect.ASK_ALL)

    def spoken(self, port: int) -> int:
        """The device's number of a port."""
        return port - 1 + self.wire.counts_from

    def port(self, text: str) -> int:
        """The port of a number as the device writes it."""
        return int(text, 16 if self.hexadecimal else 10) + 1 - self.wire.counts_from


def chosen(settings: Settings) -> Profile:
    """The profile a device's setting names: a shipped one, or the file of a family of one's own. BadSetting says file, line and fix."""
    name = settings.text("profile")
    path = Path(name) if name.endswith((".yaml", ".yml")) else SHIPPED / f"{name}.yaml"
    if path.parent == SHIPPED and not path.is_file():
        raise BadSetting(f"no profile '{name}'; there are: {', '.join(shipped())}", key="profile")
    if not path.is_absolute():
        raise BadSetting(
            f"profile '{name}': a profile of your own stands in a family folder, <site>/drivers/NAME/; see docs/guides/new-matrix.md",
            key="profile",
        )
    try:
        return load_profile(path)
    except DocumentError as error:
        raise BadSetting(str(error), key="profile") from error


def shipped() -> list[str]:
    """Names of the profiles that ship."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_profile(path: Path) -> Profile:
    """Read and try a profile; DocumentError says file, line and fix."""
    document = read_document(path)
    try:
        text = ProfileText.model_validate(document.value)
    except ValidationError as error:
        first = error.errors()[0]
        raise document.error(
            tuple(first["loc"]),
            first["msg"],
            value=str(first["input"])[:80],
            fix=_FIXES.get(first["type"], "see docs/guides/new-matrix.md"),
        ) from None
    _check_wire(document, text)
    commands = {effect: _command(document, text, effect) for effect in text.commands}
    replies = {name: _reply(document, text, name) for name in text.replies}
    if sum(len(reply.pattern) + len(reply.each_pattern or ()) for reply in replies.values()) > MAX_INSTRUCTIONS:
        raise document.error(
            ("replies",),
            "the patterns together are too long",
            fix="leave out replies nobody needs, and repetitions such as {0,64}",
        )
    profile = Profile(text.title, text.wire, text.pace, commands, replies, text.front_panel, text.greeting)
    _check_names(document, text)
    _try_commands(document, profile)
    _try_replies(document, profile)
    return profile


_FIXES = {
    "missing": "add it; docs/guides/new-matrix.md shows a whole profile",
    "extra_forbidden": "correct the name or remove it; docs/guides/new-matrix.md lists what may stand here",
    "string_type": "write text, in quotes where it looks like a number",
    "enum": "use one of the words named",
}


def _check_wire(document: Document, text: ProfileText) -> None:
    wire = text.wire
    if wire.form == "text" and (not wire.commands_end or not all(wire.commands_end)):
        raise document.error(
            ("wire",), "commands_end is missing", fix='say what ends a command: commands_end: ["."] or ["\\r\\n"]'
        )
    if wire.form == "text" and (not wire.replies_end or not all(wire.replies_end)):
        raise document.error(
            ("wire", "replies_end"), "replies_end is empty", fix='say what ends a reply: replies_end: ["\\r\\n"]'
        )
    if wire.form == "hex" and wire.length is None:
        raise document.error(("wire",), "length is missing", fix="say how many bytes each frame has: length: 13")
    if Effect.ROUTE not in text.commands:
        raise document.error(("commands",), "there is no command 'route'", fix='add it: route: {send: "{in}V{out}."}')


def _command(document: Document, text: ProfileText, effect: Effect) -> Command:
    written = text.commands[effect]
    wheres: list[tuple[str | int, ...]] = [("commands", effect.value, "send")]
    wheres += [("commands", effect.value, "also", index) for index in range(len(written.also))]
    spellings = tuple(
        _spelling(document, where, spelled, effect, text.wire)
        for where, spelled in zip(wheres, (written.send, *written.also), strict=True)
    )
    patterns = tuple(Pattern(spelling.pattern(strict=True)) for spelling in spellings)
    return Command(effect, spellings[0], spellings, patterns, written.reply, written.reply_when_off)


def _spelling(document: Document, where: tuple[str | int, ...], spelled: str, effect: Effect, wire: Wire) -> Template:
    hexadecimal = wire.form == "hex"
    allowed = GAPS[effect] | ({"sum"} if hexadecimal else frozenset())
    template = _template(document, where, spelled, allowed, wire)
    if lacking := GAPS[effect] - template.gaps:
        raise document.error(
            where, f"'{effect}' lacks {{{min(lacking)}}}", value=spelled, fix="put the gap where the number stands"
        )
    if hexadecimal:
        return template
    ends = [end for end in wire.commands_end if spelled.endswith(end)]
    if not ends:
        raise document.error(
            where,
            f"the command does not end with one of {list(wire.commands_end)}",
            value=spelled,
            fix="what ends a command is part of it",
        )
    body = spelled[: -len(max(ends, key=len))]
    if any(end in body for end in wire.commands_end):
        raise document.error(
            where, "what ends a command stands in its middle too", value=spelled, fix="correct wire.commands_end"
        )
    return template


def _reply(document: Document, text: ProfileText, name: str) -> Reply:
    written = text.replies[name]
    where = ("replies", name)
    hexadecimal = text.wire.form == "hex"
    allowed = NUMBERS | {"outs"} | ({"sum"} if hexadecimal else {"each"} if written.each else frozenset())
    says = _template(document, (*where, "says"), written.says, allowed, text.wire)
    each = _template(document, (*where, "each"), written.each, NUMBERS, None) if written.each else None
    if each is not None and (hexadecimal or "each" not in says.gaps or "out" not in each.gaps):
        raise document.error(
            (*where, "each"),
            "each needs {out} in itself and {each} in says, in text form",
            fix='says: "LINK:{each}", each: "O{out}I{in};"',
        )
    if written.match is None:
        pattern = Pattern(says.pattern(strict=False))
    else:
        pattern = _pattern(document, (*where, "match"), written.match)
        if unknown := pattern.names - NUMBERS - {"outs", "each"}:
            raise document.error(
                (*where, "match"),
                f"(?P<{min(unknown)}>...) means nothing",
                fix="groups are in, out, outs, preset, each",
            )
    each_pattern = Pattern(_item(each)) if each is not None else None
    return Reply(name, written.means, says, pattern, each, each_pattern)


def _item(each: Template) -> str:
    """What ends an item may be missing after the last one."""
    *body, last = each.parts
    if not isinstance(last, str):
        return each.pattern(strict=False)
    end = Template((last,), hexadecimal=False).pattern(strict=False)
    return f"{Template(tuple(body), hexadecimal=False).pattern(strict=False)}(?:{end})?"


def _template(
    document: Document, where: tuple[str | int, ...], text: str, allowed: frozenset[str], wire: Wire | None
) -> Template:
    hexadecimal = wire is not None and wire.form == "hex"
    try:
        template = parse_template(text, allowed, hexadecimal=hexadecimal)
    except TemplateError as error:
        raise document.error(
            where, str(error), value=text, fix="gaps stand in braces: {in} {out}; brackets of a manual are not typed"
        ) from None
    if len(text) > LONGEST_LINE:
        raise document.error(where, f"more than {LONGEST_LINE} characters", fix="shorten it")
    if hexadecimal and wire is not None:
        length = len(text.split(" "))
        if length != wire.length or not text.startswith(wire.start):
            raise document.error(
                where,
                f"the frame has {length} bytes",
                value=text,
                fix=f"wire says: {wire.length} bytes beginning with {wire.start or 'any'}",
            )
        if ("sum" in template.gaps) != (wire.checksum is not None) or (
            "sum" in template.gaps and not text.endswith("{sum}")
        ):
            raise document.error(
                where,
                "{sum} and wire.checksum do not agree",
                value=text,
                fix="with a checksum the frame ends with {sum}, without one it has none",
            )
    return template


def _pattern(document: Document, where: tuple[str, ...], text: str) -> Pattern:
    try:
        return Pattern(text)
    except PatternError as error:
        raise document.error(
            where,
            str(error),
            value=text,
            fix="docs/guides/new-matrix.md lists what a pattern may hold; use 'single quotes'",
        ) from None


def _check_names(document: Document, text: ProfileText) -> None:
    named = [
        (("commands", effect.value, key), name)
        for effect, command in text.commands.items()
        for key, name in (("reply", command.reply), ("reply_when_off", command.reply_when_off))
    ]
    for where, name in [*named, (("front_panel",), text.front_panel)]:
        if name is not None and name not in text.replies:
            raise document.error(
                where,
                f"there is no reply '{name}'",
                value=name,
                fix=f"there are: {', '.join(text.replies) or 'none; add it under replies'}",
            )
    for effect in (Effect.ASK, Effect.ASK_ALL):
        if (command := text.commands.get(effect)) is None:
            continue
        reply = text.replies[command.reply] if command.reply else None
        if reply is None or reply.means is not Meaning.ROUTE:
            raise document.error(
                ("commands", effect.value),
                f"'{effect}' needs a reply that means route",
                fix="name the reply that tells which input is shown, or remove the command: then nothing is read back",
            )


def _try_commands(document: Document, profile: Profile) -> None:
    """Each command, in each spelling, is read back as itself and as no other."""
    for effect, command in profile.commands.items():
        for spelling in command.spellings:
            sent = spelling.fill({"in": 3, "out": 2, "outs": (2, 3), "preset": 1}).replace("{sum}", "00")
            for other, candidate in profile.commands.items():
                if (candidate.understood(sent) is not None) != (other is effect):
                    raise document.error(
                        ("commands", effect.value, "send"),
                        f"'{effect}' cannot be told from '{other}'",
                        value=sent,
                        fix="correct one of the two",
                    )


def _try_replies(document: Document, profile: Profile) -> None:
    """Each reply that is said is understood as what it means, with the same numbers."""
    for name, reply in profile.replies.items():
        numbers: dict[str, int | str | tuple[int, ...]] = {"in": 3, "out": 2, "outs": (2, 3), "preset": 1}
        if reply.each is not None:
            numbers["each"] = reply.each.fill({"in": 3, "out": 2}) * 2
        said = reply.says.fill(numbers).replace("{sum}", "00")
        for part in lines(profile, said):
            found = next(
                (
                    (other, groups)
                    for other in profile.replies.values()
                    if (groups := other.pattern.fullmatch(part)) is not None
                ),
                None,
            )
            if found is None:
                raise document.error(
                    ("replies", name),
                    f"the line {part!r} is said, but no pattern matches it",
                    value=said,
                    fix="correct `match`, or leave it out: then it is made from `says`",
                )
            other, groups = found
            if other.means is reply.means and _agree(profile, reply, groups):
                break
        else:
            raise document.error(
                ("replies", name),
                f"{said!r} is not understood as {reply.means} with the numbers it was said with",
                value=said,
                fix="correct `match` and its groups, or move this reply above the one that takes its place",
            )


def lines(profile: Profile, said: str) -> list[str]:
    """A reply as the lines it arrives in: some replies have several."""
    if profile.hexadecimal:
        return [said]
    for end in sorted(profile.wire.replies_end, key=len, reverse=True):
        said = said.replace(end, "\0")
    return [line for part in said.split("\0") if (line := part.strip())]


def _agree(profile: Profile, reply: Reply, groups: Mapping[str, str]) -> bool:
    said = {name: number for name, number in (("in", 3), ("out", 2)) if name in reply.says.gaps}
    base = 16 if profile.hexadecimal else 10
    return (
        reply.means is not Meaning.ROUTE
        or {name: int(groups[name], base) for name in ("in", "out") if name in groups} == said
    )
