"""The device SDK: the only thing a driver may import, and all the server knows of drivers.

Names are loaded at their first use, so that importing the package costs nothing; simulators and checks are in `devices.sdk.testing`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devices.sdk.address import Address, parse_address
    from devices.sdk.capabilities import (
        CAPABILITIES,
        Blank,
        Freeze,
        InputSelect,
        Levels,
        Mute,
        PanTilt,
        Power,
        Presets,
        Relays,
        Routing,
        Signal,
        Status,
        Volume,
        Zoom,
    )
    from devices.sdk.catalog import Family, find_families, load_family, open_session
    from devices.sdk.commands import Act, Command, Frame, Frames, Priority, Query, Salvo, Set
    from devices.sdk.connection import Counters, LinkState, LinkStatus, Observer, Traffic
    from devices.sdk.document import Document, DocumentError, Secret, parse_document, read_document
    from devices.sdk.driver import Accepted, Desync, Done, Driver, Event, Failed, FollowUp, Learned, Link, Reported
    from devices.sdk.errors import (
        BadSetting,
        Busy,
        ConfigurationError,
        Desynchronised,
        DeviceError,
        HungUp,
        NotSupported,
        PortInUse,
        Refused,
        ReplyTimeout,
        Retryable,
        Superseded,
        Unreachable,
        WrongPassword,
    )
    from devices.sdk.framing import DatagramFramer, Framer, PacketFramer, TerminatorFramer
    from devices.sdk.manifest import ActionSpec, Manifest, PropertySpec, SettingSpec, Timing, ValueType, load_manifest
    from devices.sdk.readings import Reading, ReadingSource, Value, matches
    from devices.sdk.session import Session
    from devices.sdk.settings import Settings

_HOMES = {
    "address": "Address parse_address",
    "capabilities": "CAPABILITIES Blank Freeze InputSelect Levels Mute PanTilt Power Presets Relays Routing Signal Status Volume Zoom",
    "catalog": "Family find_families load_family open_session",
    "commands": "Act Command Frame Frames Priority Query Salvo Set",
    "connection": "Counters LinkState LinkStatus Observer Traffic",
    "document": "Document DocumentError Secret parse_document read_document",
    "driver": "Accepted Desync Done Driver Event Failed FollowUp Learned Link Reported",
    "errors": (
        "BadSetting Busy ConfigurationError Desynchronised DeviceError HungUp NotSupported PortInUse "
        "Refused ReplyTimeout Retryable Superseded Unreachable WrongPassword"
    ),
    "framing": "DatagramFramer Framer PacketFramer TerminatorFramer",
    "manifest": "ActionSpec Manifest PropertySpec SettingSpec Timing ValueType load_manifest",
    "readings": "Reading ReadingSource Value matches",
    "session": "Session",
    "settings": "Settings",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "CAPABILITIES",
    "Accepted",
    "Act",
    "ActionSpec",
    "Address",
    "BadSetting",
    "Blank",
    "Busy",
    "Command",
    "ConfigurationError",
    "Counters",
    "DatagramFramer",
    "Desync",
    "Desynchronised",
    "DeviceError",
    "Document",
    "DocumentError",
    "Done",
    "Driver",
    "Event",
    "Failed",
    "Family",
    "FollowUp",
    "Frame",
    "Framer",
    "Frames",
    "Freeze",
    "HungUp",
    "InputSelect",
    "Learned",
    "Levels",
    "Link",
    "LinkState",
    "LinkStatus",
    "Manifest",
    "Mute",
    "NotSupported",
    "Observer",
    "PacketFramer",
    "PanTilt",
    "PortInUse",
    "Power",
    "Presets",
    "Priority",
    "PropertySpec",
    "Query",
    "Reading",
    "ReadingSource",
    "Refused",
    "Relays",
    "ReplyTimeout",
    "Reported",
    "Retryable",
    "Routing",
    "Salvo",
    "Secret",
    "Session",
    "Set",
    "SettingSpec",
    "Settings",
    "Signal",
    "Status",
    "Superseded",
    "TerminatorFramer",
    "Timing",
    "Traffic",
    "Unreachable",
    "Value",
    "ValueType",
    "Volume",
    "WrongPassword",
    "Zoom",
    "find_families",
    "load_family",
    "load_manifest",
    "matches",
    "open_session",
    "parse_address",
    "parse_document",
    "read_document",
]


def __getattr__(name: str) -> object:
    """A public name, from the module it lives in."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'devices.sdk' has no attribute '{name}'")
    return getattr(import_module(f"devices.sdk.{home}"), name)


def __dir__() -> list[str]:
    """Public names."""
    return sorted(__all__)
