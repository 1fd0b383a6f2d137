"""Where a device is: `tcp://10.20.0.11:23`, `udp://10.20.0.21:52381`, `serial:///dev/serial/by-id/NAME?baud=9600`.

Two are more than a line: `wake://10.20.0.30:3389?via=10.20.0.255` (a sleeping machine) and `mqtt://10.20.0.5:1883` (a broker).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

from devices.sdk.errors import BadSetting
from devices.sdk.manifest import Manifest

_NO_OPTIONS: Mapping[str, str] = MappingProxyType({})
_OPTIONS = {
    "tcp": set[str](),
    "udp": {"local"},
    "serial": {"baud", "bits", "parity", "stop"},
    "wake": {"via"},
    "mqtt": {"ca", "tls"},
    "memory": set[str](),
}


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address. `path` for serial, `host` and `port` for all others; port 0: none."""

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    options: Mapping[str, str] = field(default_factory=lambda: _NO_OPTIONS)

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.options.items())
        query = f"?{query}" if query else ""
        if self.scheme == "serial":
            return f"serial://{self.path}{query}"
        if self.scheme == "memory":
            return f"memory://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{host}{port}{query}"


def parse_address(text: str, manifest: Manifest) -> Address:
    """Parse an address for a driver; BadSetting (key `at`) says what is wrong with it."""
    example = (
        f"for example tcp://10.20.0.11:{manifest.default_port or 23}"
        if "tcp" in manifest.transports
        else f"schemes: {', '.join(manifest.transports)}"
    )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        message = f"'{text}' is not an address; {example}"
        raise BadSetting(message, key="at") from None
    if parts.scheme not in (*manifest.transports, "memory"):  # inside this process every family can be reached
        message = f"'{text}': {manifest.family} speaks over {', '.join(manifest.transports)}; {example}"
        raise BadSetting(message, key="at")
    if parts.username or parts.password:
        message = "a password does not belong into an address; write password: !secret NAME"
        raise BadSetting(message, key="at")
    options = dict(parse_qsl(parts.query))
    if unknown := set(options) - _OPTIONS[parts.scheme]:
        message = f"'{text}': unknown option {', '.join(sorted(unknown))}; {parts.scheme} knows {', '.join(sorted(_OPTIONS[parts.scheme])) or 'none'}"
        raise BadSetting(message, key="at")
    if parts.scheme == "serial":
        if not parts.path.startswith("/") or parts.netloc:
            message = (
                f"'{text}': a serial port is a path, for example serial:///dev/serial/by-id/usb-FTDI-if00?baud=9600"
            )
            raise BadSetting(message, key="at")
        return Address("serial", path=parts.path, options=options)
    if parts.scheme == "memory":
        return Address("memory", path=parts.netloc + parts.path)
    if not parts.hostname or (port or manifest.default_port) is None:
        message = f"'{text}' lacks a host or port; {example}"
        raise BadSetting(message, key="at")
    return Address(parts.scheme, host=parts.hostname, port=port or manifest.default_port or 0, options=options)
