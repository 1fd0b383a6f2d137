"""Bytes of the maker's command tables, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.extron_sis import protocol as sis


def test_one_tie_reads_as_input_times_output() -> None:
    """`1*3!` ties input 1 to output 3 (CrossPoint 300, command table)."""
    assert sis.tie(1, 3) == b"1*3!"


def test_ties_together_match_the_vector_from_the_field() -> None:
    """1->2, 1->3, 1->4 become one ESC +Q command, byte for byte."""
    wanted = bytes.fromhex("1b 2b 51 31 2a 32 21 31 2a 33 21 31 2a 34 21 0d")
    assert sis.ties_together({2: 1, 3: 1, 4: 1}) == wanted


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (sis.read_tie(7), b"7%"),
        (sis.mute_video(3, on=True), b"3*1B"),
        (sis.mute_video(3, on=False), b"3*0B"),
        (sis.mute_audio(12, on=True), b"12*1Z"),
        (sis.set_volume(1, 50), b"1*50V"),
        (sis.read_volume(1), b"1V"),
        (sis.save_preset(9), b"9,"),
        (sis.recall_preset(5), b"5."),
        (sis.READ_MUTES, b"\x1bVM\r"),
        (sis.READ_SIGNALS, b"0LS"),
        (sis.VERBOSE, b"\x1b3CV\r"),
    ],
)
def test_commands_are_the_manuals(made: bytes, wanted: bytes) -> None:
    """Each command is what the maker's table prints."""
    assert made == wanted


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        (b"Out03 In01 All\r\n", sis.Tied(3, 1, "All")),
        (b"Out15 In27 Vid\r\n", sis.Tied(15, 27, "Vid")),
        (b"Out04 In10 RGB\r\n", sis.Tied(4, 10, "RGB")),
        (b"In05 All\r\n", sis.Tied(None, 5, "All")),
        (b"Vmt03*1\r\n", sis.Muted(3, video=True, on=True)),
        (b"Amt3*0\r\n", sis.Muted(3, video=False, on=False)),
        (b"Vmt1\r\n", sis.Muted(None, video=True, on=True)),
        (b"Mut0220\r\n", sis.MuteTable((0, 2, 2, 0))),
        (b"0132Mut\r\n", sis.MuteTable((0, 1, 3, 2))),
        (b"Out01 Vol50\r\n", sis.VolumeSet(1, 50)),
        (b"0,0,1,1\r\n", sis.Signals((False, False, True, True))),
        (b"Sig 1 0 1 1\r\n", sis.Signals((True, False, True, True))),
        (b"Sig1 0*1\r\n", sis.Signals((True, False, True))),
        (b"031.5,060.00\r\n", None),
        (b"Spr09\r\n", sis.Preset(9, saved=True)),
        (b"Rpr05\r\n", sis.Preset(5, saved=False)),
        (b"27\r\n", sis.Bare("27")),
        (b"1.23\r\n", sis.Firmware("1.23")),
        (b"1.03.0002\r\n", sis.Firmware("1.03.0002")),
        (b"Ver01*1.23\r\n", sis.Firmware("1.23")),
        (b"E12\r\n", sis.Refusal("E12")),
        (b"Qik\r\n", sis.Word("Qik")),
        (b"Vrb3\r\n", sis.Word("Vrb3")),
        (b"\r\nPassword:", sis.Word("Password:")),
        (b"\xff\xfb\x01Out03 In01 All\r\n", sis.Tied(3, 1, "All")),
        (b"(c) Copyright 2026, Extron Electronics, V1.00\r\n", None),
        (b"Out03 In01 All extra\r\n", None),
        (b"", None),
    ],
)
def test_lines_mean_what_the_manual_says(line: bytes, meaning: sis.Line | None) -> None:
    """Each reply of the command tables is understood; what stands in none of them means nothing."""
    assert sis.parse(line) == meaning


@given(st.binary(max_size=300))
def test_no_line_is_too_strange(noise: bytes) -> None:
    """Any bytes have a meaning or none; nothing raises."""
    sis.parse(noise)


@given(st.integers(0, sis.VOLUME_STEPS))
def test_volume_steps_survive_the_way_through_percent(steps: int) -> None:
    """Every step has a percentage that leads back to it."""
    assert sis.steps_of(sis.percent_of(steps)) == steps
