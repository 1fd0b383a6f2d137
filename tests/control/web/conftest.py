"""Fixtures of the web's tests: `served` is a real server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.control.web.house import Served, serve


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A server with its records in a fresh folder."""
    async with serve(tmp_path) as running:
        yield running
