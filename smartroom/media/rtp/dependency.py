"""The dependency descriptor: layers of any codec from a header extension (AV1 RTP specification, appendix A)."""

from __future__ import annotations

from dataclasses import dataclass

from smartroom.media.rtp.layers import Descriptor

URI = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
MAX_TEMPLATES = 64  # template ids have six bits

_SWITCH = 2  # decode target indications: not present, discardable, switch, required
_LAST_TEMPLATE, _NEXT_SPATIAL, _NEXT_TEMPORAL = 3, 2, 1


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of frame: its layers, and what it means to each decode target."""

    spatial: int
    temporal: int
    indications: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Structure:
    """The templates of a coded video sequence; comes with its key frame."""

    offset: int  # id of the first template
    templates: tuple[Template, ...]
    reach: tuple[int, ...]  # highest temporal layer of each decode target; -1 for those of less than full size


@dataclass(frozen=True, slots=True)
class Dependency:
    """One packet's descriptor: the frame it belongs to, and the structure when it carries one."""

    frame: Descriptor
    structure: Structure
    number: int  # of the frame, 16 bits


def parse(data: bytes, known: Structure | None) -> Dependency:
    """Read a descriptor; `known` = the structure in force. ValueError when cut, or its template is not known."""
    if len(data) < 3:
        raise ValueError("dependency descriptor is cut")
    template_id = data[0] & 0x3F
    structure = known
    custom = False
    bits = _Bits(data)
    if len(data) > 3:
        flags = bits.take(5)
        if flags & 0x10:
            structure = _structure(bits)
        if structure is None:
            raise ValueError("dependency descriptor without a structure")
        if flags & 0x08:
            bits.take(len(structure.reach))  # the sender's active decode targets: others are not sent anyway
        custom = bool(flags & 0x04)
    if structure is None:
        raise ValueError("dependency descriptor without a structure")
    place = (template_id - structure.offset) % MAX_TEMPLATES
    if place >= len(structure.templates):
        raise ValueError("unknown dependency template")
    template = structure.templates[place]
    indications = tuple(bits.take(2) for _ in structure.reach) if custom else template.indications
    frame = Descriptor(
        0,
        bool(data[0] & 0x80) and not template.spatial,
        temporal=template.temporal,
        up=max((t for t, means in zip(structure.reach, indications, strict=True) if means == _SWITCH), default=-1),
    )
    return Dependency(frame, structure, data[1] << 8 | data[2])


def _structure(bits: _Bits) -> Structure:
    offset = bits.take(6)
    targets = bits.take(5) + 1
    layers = _layers(bits)
    templates = tuple(
        Template(spatial, temporal, tuple(bits.take(2) for _ in range(targets))) for spatial, temporal in layers
    )
    for _ in templates:
        while bits.take(1):
            bits.take(4)  # distance to a frame it depends on
    chains = bits.take_below(targets + 1)
    if chains:
        for _ in range(targets):
            bits.take_below(chains)  # the chain that protects it
        bits.take(4 * chains * len(templates))
    if bits.take(1):
        bits.take(32 * (max(spatial for spatial, _ in layers) + 1))  # render resolutions
    return Structure(offset, templates, tuple(_reach(templates, target) for target in range(targets)))


def _reach(templates: tuple[Template, ...], target: int) -> int:
    top = max(template.spatial for template in templates)
    present = [template for template in templates if template.indications[target]]
    if not present or max(template.spatial for template in present) < top:
        return -1
    return max(template.temporal for template in present)


def _layers(bits: _Bits) -> list[tuple[int, int]]:
    spatial = temporal = 0
    layers = [(0, 0)]
    while (step := bits.take(2)) != _LAST_TEMPLATE:
        if step == _NEXT_TEMPORAL:
            temporal += 1
        elif step == _NEXT_SPATIAL:
            spatial, temporal = spatial + 1, 0
        if len(layers) >= MAX_TEMPLATES or spatial > 3 or temporal > 7:
            raise ValueError("dependency structure beyond its limits")
        layers.append((spatial, temporal))
    return layers


class _Bits:
    """Reads numbers bit by bit, from behind the mandatory fields on."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: bytes) -> None:
        self._left = 8 * (len(data) - 3)
        self._value = int.from_bytes(data[3:], "big")

    def take(self, count: int) -> int:
        """An unsigned number of so many bits; ValueError when there are fewer."""
        self._left -= count
        if self._left < 0:
            raise ValueError("dependency descriptor is cut")
        return self._value >> self._left & (1 << count) - 1

    def take_below(self, limit: int) -> int:
        """A number below `limit` in the non-symmetric code of AV1, 4.10.7."""
        width = limit.bit_length()
        short = (1 << width) - limit
        value = self.take(width - 1)
        return value if value < short else (value << 1) - short + self.take(1)
