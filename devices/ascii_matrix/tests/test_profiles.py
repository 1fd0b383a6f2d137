"""Profile files: those that ship are sound, and each mistake is named with file, line and fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.ascii_matrix.profile import SHIPPED, load_profile, shipped
from devices.ascii_matrix.shapes import Effect
from devices.sdk import BadSetting, DocumentError, Settings, find_families, load_family

FAMILY = load_family(find_families()["ascii_matrix"])
TEXT = """\
title: A box
source: its manual
wire:
  commands_end: ["!"]
  replies_end: ["\\r\\n"]
commands:
  route: {send: "{in}>{out}!", reply: shown}
  ask: {send: "?{out}!", reply: shown}
replies:
  shown: {means: route, says: "OUT{out}=IN{in}"}
"""
HEX = """\
title: A box
source: its manual
wire: {form: hex, length: 5, start: "AA", checksum: {rule: xor}}
commands:
  route: {send: "AA 01 {in} {out} {sum}"}
"""


@pytest.mark.parametrize("name", shipped())
def test_what_ships_is_sound(name: str) -> None:
    """Each shipped profile passes its own trial and says where it comes from."""
    profile = load_profile(SHIPPED / f"{name}.yaml")
    assert Effect.ROUTE in profile.commands


def test_the_dialects_of_the_market_ship() -> None:
    """Five families of cheap boxes, and the newer firmware of one of them."""
    assert shipped() == ["a55b", "ekl", "ptn", "ptn_out", "techly", "wyrestorm"]


def test_patterns_have_a_bound_together(tmp_path: Path) -> None:
    """Each may be long, but not all of them."""
    more = "".join(f"  r{number}: {{means: nothing, says: \"r\", match: 'r|(?:.x){{60}}'}}\n" for number in range(9))
    path = tmp_path / "box.yaml"
    path.write_text(TEXT + more)
    with pytest.raises(DocumentError, match=r"box\.yaml:9: the patterns together are too long"):
        load_profile(path)


@pytest.mark.parametrize(
    ("base", "old", "new", "line", "why", "fix"),
    [
        (TEXT, "title: A box\n", "", 1, "Field required", "add it"),
        (TEXT, "title: A box", "titel: A box", 1, "Field required", "add it"),
        (TEXT, "source: its manual", "source: 7", 2, "valid string", "write text"),
        (TEXT, '  commands_end: ["!"]\n', "", 3, "commands_end is missing", 'commands_end: ["."]'),
        (TEXT, '["\\r\\n"]', "[]", 5, "replies_end is empty", "replies_end"),
        (TEXT, "  route:", "  rout:", 7, "Input should be", "use one of"),
        (TEXT, '  route: {send: "{in}>{out}!", reply: shown}\n', "", 6, "no command 'route'", "add it: route"),
        (TEXT, "{in}>{out}!", "{in}>{output}!", 7, "{output} cannot stand here", "gaps stand in braces"),
        (TEXT, "{in}>{out}!", "[in]>{out}!", 7, "'route' lacks {in}", "put the gap"),
        (TEXT, "{in}>{out}!", "{in}>{out", 7, "a brace is open", "gaps stand in braces"),
        (TEXT, "{in}>{out}!", "{in:2}>{out}!", 7, "write {in:02}", "gaps stand"),
        (TEXT, "{in}>{out}!", "{in}→{out}!", 7, "only ASCII", "gaps stand"),
        (TEXT, "{in}>{out}!", "{in}>{out}.", 7, "does not end with", "what ends a command is part of it"),
        (TEXT, "{in}>{out}!", "{in}!{out}!", 7, "in its middle too", "correct wire.commands_end"),
        (TEXT, "?{out}!", "{out}>3!", 8, "cannot be told from", "correct one of the two"),
        (
            TEXT,
            'ask: {send: "?{out}!", reply: shown}',
            'ask: {send: "?{out}!"}',
            8,
            "needs a reply that means route",
            "remove the command",
        ),
        (TEXT, "reply: shown}\n  ask", "reply: showed}\n  ask", 7, "no reply 'showed'", "there are: shown"),
        (TEXT, "means: route", "means: routes", 10, "Input should be", "use one of"),
        (TEXT, 'IN{in}"}', "IN{in}\", match: 'OUT(?P<out>'}", 10, "a ) is missing", "what a pattern may hold"),
        (
            TEXT,
            'IN{in}"}',
            "IN{in}\", match: 'OUT(?P<o>\\d)=IN\\d'}",
            10,
            "(?P<o>...) means nothing",
            "groups are in, out",
        ),
        (TEXT, 'IN{in}"}', "IN{in}\", match: 'OUT \\d'}", 10, "no pattern matches it", "leave it out"),
        (
            TEXT,
            'IN{in}"}',
            "IN{in}\", match: 'OUT(?P<in>\\d)=IN(?P<out>\\d)'}",
            10,
            "is not understood as route",
            "correct `match`",
        ),
        (TEXT, 'IN{in}"}', 'IN{in}", each: "{in},"}', 10, "each needs {out}", "O{out}I{in}"),
        (HEX, ", length: 5", "", 3, "length is missing", "length: 13"),
        (HEX, "AA 01", "AA 1", 5, "pairs of 0-9 A-F", "gaps stand"),
        (HEX, "AA 01", "AA 01 00", 5, "the frame has 6 bytes", "wire says: 5 bytes"),
        (HEX, "AA 01", "AB 01", 5, "the frame has 5 bytes", "beginning with AA"),
        (HEX, "{out} {sum}", "{out} 00", 5, "do not agree", "ends with {sum}"),
        (HEX, "rule: xor", "rule: crc", 3, "Input should be", "new-matrix.md"),
    ],
)
def test_each_mistake_is_named_with_its_line_and_its_mending(
    tmp_path: Path, base: str, old: str, new: str, line: int, why: str, fix: str
) -> None:
    """A technician reads the message, goes to the line and mends it."""
    assert old in base
    path = tmp_path / "box.yaml"
    path.write_text(base.replace(old, new, 1), "utf-8")
    with pytest.raises(DocumentError) as caught:
        load_profile(path)
    assert (caught.value.file, caught.value.line) == (str(path), line)
    assert why in caught.value.message
    assert fix in caught.value.fix


def test_a_good_profile_is_taken(tmp_path: Path) -> None:
    """The two texts the mistakes are made from are sound themselves."""
    for name, text in (("text", TEXT), ("hex", HEX)):
        (tmp_path / f"{name}.yaml").write_text(text)
        assert load_profile(tmp_path / f"{name}.yaml").title == "A box"


def test_an_unknown_profile_is_a_bad_setting() -> None:
    """The message lists what ships."""
    with pytest.raises(BadSetting, match="there are: a55b, ekl, ptn"):
        FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"profile": "ptm"}))


def test_a_loose_path_is_told_where_profiles_stand() -> None:
    """A profile of one's own belongs into a family folder."""
    with pytest.raises(BadSetting, match="family folder"):
        FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"profile": "./mine.yaml"}))


def test_a_broken_profile_is_a_bad_setting_with_its_line(tmp_path: Path) -> None:
    """room.yaml's reader learns file and line of the profile."""
    path = tmp_path / "box.yaml"
    path.write_text("title: A box\n")
    with pytest.raises(BadSetting, match=r"box\.yaml:1: .*Fix: add it"):
        FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"profile": str(path)}))


@pytest.mark.parametrize("name", shipped())
def test_the_manifest_is_as_the_profile_allows(name: str) -> None:
    """Read-back, salvos and pace come from the profile; what driver.yaml says itself stays."""
    driver = FAMILY.driver(FAMILY.manifest, Settings(FAMILY.manifest, {"profile": name}))
    profile = load_profile(SHIPPED / f"{name}.yaml")
    assert driver.spec("route.1").readable == (name != "ekl")
    assert driver.spec("route.1").salvo == (name == "ptn")
    assert driver.manifest.timing.min_gap_ms == profile.pace.min_gap_ms
    assert driver.manifest.timing.poll_s == 2
