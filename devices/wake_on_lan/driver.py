"""Wake-on-LAN driver: waking is a shout nobody answers; whether it helped is asked of a port of the machine, or stays unknown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from devices.sdk import (
    Address,
    BadSetting,
    Command,
    DatagramFramer,
    Driver,
    Event,
    Frame,
    Framer,
    Frames,
    Manifest,
    NotSupported,
    Query,
    Reported,
    Settings,
)
from devices.sdk.transport.wake import OPEN, PROBE, REFUSED, SILENT
from devices.wake_on_lan import protocol

SHOUTS: Final = 3
"""Nobody says whether a broadcast arrived; more than one of three is seldom lost."""


class WakeOnLan(Driver):
    """One machine that sleeps."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        super().__init__(manifest, settings)
        mac = protocol.parse_mac(settings.text("mac"))
        if mac is None:
            raise BadSetting(
                f"mac is '{settings.text('mac')}', but must be the address of one card, for example 02:53:4d:52:00:01",
                key="mac",
            )
        self._packet = protocol.magic_packet(mac)

    def attach(self, address: Address) -> None:
        """Without a port to ask, the power of the machine cannot be read: it is written, and never shown as reached."""
        if not address.port:
            power = self.manifest.properties["power"].model_copy(update={"readable": False})
            self.manifest = self.manifest.model_copy(update={"properties": {"power": power}})

    def framer(self) -> Framer:
        """Each answer of the probe is one message."""
        return DatagramFramer()

    def snapshot(self) -> tuple[Query, ...]:
        """The probe, where there is one."""
        return (Query("power"),) if self.spec("power").readable else ()

    def encode_power(self, *, on: bool) -> Frames:
        """Three magic packets."""
        if not on:
            raise NotSupported("a machine can be woken over the network, not put to sleep")
        return (Frame(self._packet, answered=False),) * SHOUTS

    def query_power(self) -> Frames:
        """Ask the port."""
        return (Frame(PROBE),)

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """On means that the port takes connections; a machine that refuses or keeps silent is not (yet) of use."""
        if message in {OPEN, REFUSED, SILENT}:
            return [Reported("power", "on" if message == OPEN else "off")]
        return []
