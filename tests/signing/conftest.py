"""One authority and its sealed samples for all signing tests of a session: keys and services cost half a second."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from smartroom.signing.testing.services import Services
from tests.signing.rig import Office, make_office, make_samples


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """An authority, and a house that trusts it. Its services are closed unless a test opens them."""
    return make_office(tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="session")
def samples(office: Office) -> dict[str, bytes]:
    """Sealed files by level; `raised-…` are B-T files upgraded afterwards, `renewed` has a second document timestamp."""
    return make_samples(office)


@pytest.fixture
async def services(office: Office) -> AsyncIterator[Services]:
    """The authority's services, answering."""
    async with office.open() as running:
        yield running


@pytest.fixture(autouse=True)
def quiet_library() -> Iterator[None]:
    """The library logs each invalid signature with a traceback; here most are invalid on purpose."""
    logger = logging.getLogger("pyhanko")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
