"""Rules for other sites' pages on our walls. Pure; who speaks HTTP is `web/outside.py`."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from typing import Literal, Protocol
from urllib.parse import urlsplit

from devices.sdk.errors import Refused

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset({"169.254.169.254", "fd00:ec2::254", "100.100.100.200"})
"""Where clouds hand out credentials to whoever asks from inside."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class FrameRefused(Refused):
    """A page may not, or will not, be shown in a frame; `why` sorts it by who can mend that."""

    def __init__(self, message: str, why: Literal["not_listed", "forbidden", "unreachable", "refuses"]) -> None:
        super().__init__(message)
        self.why = why


class Outside(Protocol):
    """Other sites, as far as the administrator allows them."""

    async def may_frame(self, url: str) -> None:
        """Return when the page may be and can be shown in a frame; raise Refused with the reason."""
        ...


class Nowhere:
    """A server that allows no other site."""

    async def may_frame(self, url: str) -> None:
        """Never."""
        raise FrameRefused(f"{origin_of(url)} is not on the list of sites that may be shown", "not_listed")


def origin_of(url: str) -> str:
    """`https://host:port` of an address, without a default port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").casefold()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{parts.scheme}://{host}" + ("" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}")


def forbidden_address(text: str) -> str | None:
    """Why nothing of ours may connect to an address; None when it may. IPv4 inside IPv6 is taken out first."""
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = inner or address
    if str(address) in _METADATA:
        return "it is a cloud's metadata service"
    for wrong, why in (
        (address.is_loopback, "it is this server itself"),
        (address.is_link_local, "it is link-local"),
        (address.is_unspecified, "it is no address of a host"),
        (address.is_multicast, "it is a multicast group"),
        (address.is_reserved, "it is reserved"),
    ):
        if wrong:
            return why
    return None


def frame_refusal(headers: Mapping[str, str], ours: Collection[str]) -> str | None:
    """Why a page will not show in a frame of `ours` (origins): its X-Frame-Options or CSP frame-ancestors; None when it will.

    `headers` by lower-case name; several of one name joined by a comma. CSP wins over X-Frame-Options (CSP 3, section 6.4.2).
    """
    ancestors = [
        words[1:]
        for policy in headers.get("content-security-policy", "").split(",")
        for directive in policy.split(";")
        if (words := directive.casefold().split()) and words[0] == "frame-ancestors"
    ]
    for sources in ancestors:
        if not any(_matches(source, origin) for source in sources for origin in ours):
            return f"its Content-Security-Policy says frame-ancestors {' '.join(sources) or chr(39) + 'none' + chr(39)}"
    if ancestors:
        return None
    option = headers.get("x-frame-options", "").strip().casefold()
    if option in ("deny", "sameorigin"):
        return f"it says X-Frame-Options: {option.upper()}"
    return None


def _matches(source: str, origin: str) -> bool:
    if source == "*":
        return True
    scheme, _, rest = origin.partition("://")
    if source.endswith(":"):
        return source == f"{scheme}:"
    wanted_scheme, slashes, wanted = source.partition("://")
    if not slashes:
        wanted, wanted_scheme = source, ""
    if wanted_scheme and wanted_scheme != scheme:
        return False
    host, _, port = rest.partition(":")
    wanted_host, _, wanted_port = wanted.rstrip("/").partition(":")
    if wanted_port not in ("*", port or str(_DEFAULT_PORTS.get(scheme, ""))) and not (not wanted_port and not port):
        return False
    return host.endswith(wanted_host[1:]) if wanted_host.startswith("*.") else host == wanted_host
