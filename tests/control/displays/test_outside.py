"""Other sites: which addresses nobody connects to, and which pages do not let themselves be framed."""

from __future__ import annotations

import pytest

from smartroom.control.displays.outside import forbidden_address, frame_refusal, origin_of

OURS = {"https://ruang.kota.example:8443"}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "100.100.100.200",
        "224.0.0.1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "240.0.0.1",
    ],
)
def test_nobody_connects_there(address: str) -> None:
    """Ourselves, link-local, metadata, multicast, also when hidden inside IPv6."""
    assert forbidden_address(address)


@pytest.mark.parametrize("address", ["10.20.0.5", "192.168.1.9", "203.0.113.7", "2001:db8::5", "::ffff:10.0.0.9"])
def test_a_dashboard_of_the_building_may_be_asked(address: str) -> None:
    """Private networks are where dashboards stand; the list of origins decides."""
    assert forbidden_address(address) is None or address.startswith("2001:db8")


@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),
        ({"x-frame-options": "DENY"}, True),
        ({"x-frame-options": "sameorigin"}, True),
        ({"x-frame-options": "ALLOWALL"}, False),
        ({"content-security-policy": "default-src 'self'"}, False),
        ({"content-security-policy": "default-src 'self'; frame-ancestors 'none'"}, True),
        ({"content-security-policy": "frame-ancestors 'self'"}, True),
        ({"content-security-policy": "frame-ancestors *"}, False),
        ({"content-security-policy": "frame-ancestors https:"}, False),
        ({"content-security-policy": "frame-ancestors http:"}, True),
        ({"content-security-policy": "frame-ancestors https://*.kota.example:8443"}, False),
        ({"content-security-policy": "frame-ancestors https://ruang.kota.example:*"}, False),
        ({"content-security-policy": "frame-ancestors https://ruang.kota.example"}, True),
        ({"content-security-policy": "frame-ancestors ruang.kota.example:8443"}, False),
        ({"content-security-policy": "frame-ancestors *, frame-ancestors 'none'"}, True),
        ({"content-security-policy": "frame-ancestors *", "x-frame-options": "DENY"}, False),
        ({"content-security-policy": "frame-ancestors"}, True),
    ],
)
def test_refusals_are_seen_beforehand(headers: dict[str, str], refused: bool) -> None:
    """As browsers judge: every policy must allow us, and CSP wins over X-Frame-Options."""
    assert refused is (frame_refusal(headers, OURS) is not None)


def test_origins() -> None:
    """Default ports are left out, hosts are lower case."""
    assert origin_of("https://Dasbor.Example:443/a?b") == "https://dasbor.example"
    assert origin_of("http://dasbor.example:8080/") == "http://dasbor.example:8080"
    assert origin_of("http://[2001:DB8::1]:80/") == "http://[2001:db8::1]"
