"""What every remote signing service can do for us. A second service is a second adapter behind this port."""

from __future__ import annotations

from typing import Protocol

from smartroom.protocol.signing import RemoteOpinion, RemoteSeal, RemoteSign, RemoteState


class RemoteSigner(Protocol):
    """Raises SigningFault; its UNKNOWN_OUTCOME means: it may have been signed, never ask again by itself."""

    @property
    def rehearsal(self) -> bool:
        """Whether its signatures are worth nothing: a simulator or a test account."""
        ...

    async def status(self, signer: str) -> RemoteState:
        """May this person sign? By NIK or e-mail."""
        ...

    async def request_code(self, signer: str, files: int) -> None:
        """Have a one-time code sent to the signer."""
        ...

    async def sign(self, pdf: bytes, wish: RemoteSign) -> bytes:
        """The file signed by the person."""
        ...

    async def seal(self, pdf: bytes, wish: RemoteSeal) -> bytes:
        """The file with the agency's seal."""
        ...

    async def verify(self, pdf: bytes) -> RemoteOpinion:
        """The service's own word on a file."""
        ...
