"""The signing tests' authority and its services, for documents of ceremonies."""

from tests.signing.conftest import office, quiet_library, services

__all__ = ["office", "quiet_library", "services"]
