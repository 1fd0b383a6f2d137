"""The SDK's public face."""

from __future__ import annotations

import subprocess
import sys

import pytest

from devices import sdk


def test_every_public_name_exists_and_is_listed_once() -> None:
    """`__all__`, `dir` and what can be imported agree."""
    assert len(sdk.__all__) == len(set(sdk.__all__))
    assert dir(sdk) == sorted(sdk.__all__)
    for name in sdk.__all__:
        assert getattr(sdk, name) is not None


def test_an_unknown_name_is_refused() -> None:
    """A typing slip fails at once."""
    with pytest.raises(AttributeError, match="no attribute 'Sesion'"):
        _ = sdk.Sesion


def test_importing_a_session_loads_neither_pyserial_nor_simulators() -> None:
    """The server's cold start pays for what it uses."""
    code = "import sys, devices.sdk; devices.sdk.Session; print([m for m in sys.modules if m == 'serial' or m.startswith('devices.sdk.testing')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"
