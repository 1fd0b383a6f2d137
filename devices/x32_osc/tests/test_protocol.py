"""Bytes of OSC messages, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.sdk import BadSetting, Settings, find_families, load_family
from devices.x32_osc import protocol as osc
from devices.x32_osc.strips import addresses

MANIFEST = load_family(find_families()["x32_osc"]).manifest


@pytest.mark.parametrize(
    ("made", "wanted"),
    [
        (osc.pack("/info"), b"/info\0\0\0"),
        (osc.pack("/xremote"), b"/xremote\0\0\0\0"),
        (osc.pack("/ch/01/mix/fader"), b"/ch/01/mix/fader\0\0\0\0"),
        (osc.pack("/ch/01/mix/fader", 0.75), b"/ch/01/mix/fader\0\0\0\0,f\0\0\x3f\x40\0\0"),
        (osc.pack("/bus/01/mix/on", 1), b"/bus/01/mix/on\0\0,i\0\0\0\0\0\x01"),
        (osc.pack("/-action/goscene", 3), b"/-action/goscene\0\0\0\0,i\0\0\0\0\0\x03"),
        (osc.pack("/node", "ch/01/mix"), b"/node\0\0\0,s\0\0ch/01/mix\0\0\0"),
    ],
)
def test_messages_are_packed_as_the_document_prints(made: bytes, wanted: bytes) -> None:
    """Padded to multiples of four, numbers big-endian."""
    assert made == wanted


@pytest.mark.parametrize(
    ("datagram", "meaning"),
    [
        (b"/info\0\0\0", osc.Message("/info")),
        (b"/info\0\0\0,\0\0\0", osc.Message("/info")),
        (
            b"/info\0\0\0,ssss\0\0\0V2.05\0\0\0osc-server\0\0X32\x004.06\0\0\0\0",
            osc.Message("/info", ("V2.05", "osc-server", "X32", "4.06")),
        ),
        (b"/ch/01/mix/fader\0\0\0\0,f\0\0\x3f\x40\0\0", osc.Message("/ch/01/mix/fader", (0.75,))),
        (b"/meters/0\0\0\0,b\0\0\0\0\0\x04\x01\x02\x03\x04", osc.Message("/meters/0", (b"\x01\x02\x03\x04",))),
        (b"#bundle\0\0\0\0\0\0\0\0\x01", None),
        (b"/ch/01/mix/fader\0\0\0\0,f\0\0\x3f\x40", None),
        (b"/ch/01/mix/fader\0\0\0\0,q\0\0\x3f\x40\0\0", None),
        (b"/meters/0\0\0\0,b\0\0\xff\xff\xff\xff\x01", None),
        (b"/no end", None),
        (b"", None),
    ],
)
def test_messages_mean_what_they_say(datagram: bytes, meaning: osc.Message | None) -> None:
    """Whole messages are read; bundles, torn ones and unknown types mean nothing."""
    assert osc.unpack(datagram) == meaning


_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12)
_FLOATS = st.floats(width=32, allow_nan=False)


@given(_TEXTS, st.lists(st.one_of(st.integers(-(2**31), 2**31 - 1), _FLOATS, _TEXTS), max_size=6))
def test_messages_survive_the_way_over_the_wire(address: str, arguments: list[int | float | str]) -> None:
    """Whatever is packed is unpacked as it was, and its length is a multiple of four."""
    datagram = osc.pack(f"/{address}", *arguments)
    assert len(datagram) % 4 == 0
    assert osc.unpack(datagram) == osc.Message(f"/{address}", tuple(arguments))


@given(st.binary(max_size=200))
def test_no_datagram_is_too_strange(noise: bytes) -> None:
    """Any bytes have a meaning or none; nothing raises."""
    osc.unpack(noise)
    osc.unpack(b"/ch/01/mix/fader\0\0\0\0," + noise)


@pytest.mark.parametrize(
    ("model", "strip", "address"),
    [
        ("x32", "main", "/main/st/mix"),
        ("x32", "mono", "/main/m/mix"),
        ("x32", "ch32", "/ch/32/mix"),
        ("x32", "aux1", "/auxin/01/mix"),
        ("x32", "fx8", "/fxrtn/08/mix"),
        ("x32", "bus16", "/bus/16/mix"),
        ("x32", "mtx6", "/mtx/06/mix"),
        ("x32", "dca8", "/dca/8"),
        ("xair", "main", "/lr/mix"),
        ("xair", "ch16", "/ch/16/mix"),
        ("xair", "bus6", "/bus/6/mix"),
        ("xair", "aux", "/rtn/aux/mix"),
        ("xair", "fx4", "/rtn/4/mix"),
    ],
)
def test_strips_are_found_where_the_document_says(model: str, strip: str, address: str) -> None:
    """Numbers are padded where the console wants them so."""
    assert addresses(Settings(MANIFEST, {"model": model, "channels": {"it": strip}})) == {"it": address}


@pytest.mark.parametrize(
    ("channels", "why"),
    [
        ({"it": "ch33"}, "'ch33' is no strip; there are main, mono, ch1..ch32"),
        ({"it": "ch"}, "is no strip"),
        ({"it": "main1"}, "is no strip"),
        ({"it": 7}, "is no strip"),
        ({"It": "ch1"}, "small letters"),
        ({"a": "ch1", "b": "ch1"}, "has another name already"),
    ],
)
def test_a_wrong_strip_is_named(channels: dict[str, object], why: str) -> None:
    """A technician reads what exists."""
    with pytest.raises(BadSetting, match=why):
        addresses(Settings(MANIFEST, {"channels": channels}))
