"""What control asks of the sealing process, and what it answers. Files travel beside the message (`protocol.blobs`)."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, SecretStr, field_serializer

from smartroom.protocol.base import Id, Label, Message

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Secret = Annotated[SecretStr, Field(max_length=256)]
"""A passphrase or one-time code: lives in the request only, and prints as stars."""
Sentence = Annotated[str, Field(max_length=200)]


class Level(StrEnum):
    """PAdES baseline levels (ETSI EN 319 142-1): each adds to the one before."""

    B_B = "b-b"
    """Who, and unchanged."""
    B_T = "b-t"
    """Existed at a time a timestamp authority vouches for."""
    B_LT = "b-lt"
    """Certificates and revocation answers inside: can be judged when the authority's services are gone."""
    B_LTA = "b-lta"
    """A document timestamp over all of it: can be renewed for ever."""

    @property
    def rank(self) -> int:
        """0 for B-B … 3 for B-LTA."""
        return list(Level).index(self)


class SigningCode(StrEnum):
    """Why nothing was signed, sorted by what the reader does next."""

    # ask again
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    """A timestamp, revocation or signing service did not answer; nothing was signed."""
    # never by itself: look for the signed file, ask a person
    UNKNOWN_OUTCOME = "unknown_outcome"
    # the person who signs
    WRONG_PASSPHRASE = "wrong_passphrase"  # noqa: S105  # a word, not a secret
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    NOT_REGISTERED = "not_registered"
    NO_CERTIFICATE = "no_certificate"
    REFUSED = "refused"
    """The service's own reason stands in the sentence."""
    # whoever asked
    BAD_PDF = "bad_pdf"
    REHEARSAL = "rehearsal"
    """A rehearsal's document and a real key, or the other way round."""
    NO_KEY = "no_key"
    INVALID = "invalid"
    # configuration
    CONFIGURATION = "configuration"
    UNTRUSTED = "untrusted"
    """The key's own certificate, or a service's, does not lead to a configured root."""
    INTERNAL = "internal"


class CertificateState(StrEnum):
    """Whether somebody can sign; the first words are BSrE's own."""

    ISSUE = "issue"
    NOT_REGISTERED = "not_registered"
    NO_CERTIFICATE = "no_certificate"
    EXPIRED = "expired"
    REVOKE = "revoke"
    NOT_YET_VALID = "not_yet_valid"
    UNKNOWN = "unknown"
    """The authority could not be asked."""


class _Secretive(Message):
    """A message whose secrets reach the wire, and nothing else."""

    @field_serializer("passphrase", "totp", "signer", when_used="json", check_fields=False)
    def _tell(self, secret: SecretStr | None) -> str | None:
        return None if secret is None else secret.get_secret_value()


class SealDocument(_Secretive):
    """Sign the PDF beside it with a key of this process. Answer: Sealed, and the file."""

    ask: Literal["seal"] = "seal"
    key: Id
    level: Level
    passphrase: Secret | None = None
    """For keys whose passphrase the process was not given."""
    reason: Sentence = ""
    location: Sentence = ""
    further: bool = False
    """Other signatories sign the same file after this one."""
    rehearsal: bool = False


class UpgradeDocument(Message):
    """Add validation data and a document timestamp to a signed PDF. Answer: Sealed; the original is the file's beginning."""

    ask: Literal["upgrade"] = "upgrade"
    level: Literal[Level.B_LT, Level.B_LTA] = Level.B_LTA


class HeadStatement(Message):
    """The end of a journal at a decision."""

    journal: Id
    sequence: Annotated[int, Field(ge=0, lt=1 << 63)]
    head: Sha256
    at: AwareDatetime
    """Server time of the decision."""

    def signed_bytes(self) -> bytes:
        """What the signature covers; begins with its purpose, so that it cannot be taken for anything else."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return f"smartroom journal head 1\n{self.journal}\n{self.sequence}\n{self.head}\n{at}\n".encode()


class SignHead(Message):
    """Sign a journal's head with this process's Ed25519 key. Answer: HeadSigned."""

    ask: Literal["head"] = "head"
    statement: HeadStatement


class AskKeys(Message):
    """Which keys are there and may they sign? Answer: Keys."""

    ask: Literal["keys"] = "keys"
    online: bool = False
    """Also ask the authority whether each certificate is revoked."""


class Placement(Message):
    """Where a remote service draws its picture of a signature; none = invisible, our vector ink is in the page."""

    page: Annotated[int, Field(ge=1, le=500)]
    x: float
    y: float
    """Points from the top left corner of the page, as one client of BSrE notes."""
    width: float
    height: float
    png: bytes

    model_config = Message.model_config | {"ser_json_bytes": "base64", "val_json_bytes": "base64"}


class RemoteStatus(_Secretive):
    """May this person sign at the service? Answer: RemoteState."""

    ask: Literal["remote-status"] = "remote-status"
    service: Id
    signer: Secret
    """NIK or e-mail; personal, so treated as a secret."""


class RemoteCode(_Secretive):
    """Have a one-time code sent to the signer. Answer: Done."""

    ask: Literal["remote-code"] = "remote-code"
    service: Id
    signer: Secret
    files: Annotated[int, Field(ge=1, le=10)] = 1


class RemoteSign(_Secretive):
    """Have the service sign the PDF beside it. Exactly one of passphrase and totp. Answer: Sealed."""

    ask: Literal["remote-sign"] = "remote-sign"
    service: Id
    signer: Secret
    passphrase: Secret | None = None
    totp: Secret | None = None
    reason: Sentence = ""
    location: Sentence = ""
    placement: Placement | None = None
    rehearsal: bool = False


class RemoteSeal(_Secretive):
    """Have the service put the agency's electronic seal on the PDF beside it. Answer: Sealed."""

    ask: Literal["remote-seal"] = "remote-seal"
    service: Id
    signer: Secret
    """The service's id of the subscribed agency."""
    totp: Secret
    rehearsal: bool = False


class RemoteVerify(Message):
    """What does the service itself say about the PDF beside it? Answer: RemoteOpinion."""

    ask: Literal["remote-verify"] = "remote-verify"
    service: Id


Ask = (
    SealDocument
    | UpgradeDocument
    | SignHead
    | AskKeys
    | RemoteStatus
    | RemoteCode
    | RemoteSign
    | RemoteSeal
    | RemoteVerify
)


class Sealed(Message):
    """A signed file lies beside this answer."""

    tell: Literal["sealed"] = "sealed"
    level: Level | None = None
    """The level asked for and reached; none when a remote service decided (BSrE: B-T)."""
    sha256: Sha256
    size: int
    extends: bool = True
    """The file given is the beginning of the file returned; False: the service has rewritten it, compare them."""


class HeadSigned(Message):
    """An Ed25519 signature over the statement's `signed_bytes`."""

    tell: Literal["head"] = "head"
    statement: HeadStatement
    public_key: Sha256
    """The raw 32 bytes as hex, also printed in the Berita Acara."""
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]


class Key(Message):
    """A key of the process and its certificate."""

    name: Id
    state: CertificateState
    subject: Label = ""
    issuer: Label = ""
    expires: datetime | None = None
    rehearsal: bool = False
    asks_passphrase: bool = False


class Keys(Message):
    """All keys, and the public half of the one that signs journal heads."""

    tell: Literal["keys"] = "keys"
    keys: list[Key]
    head_key: Sha256
    services: list[Id]
    """Remote signing services that are configured."""


class RemoteState(Message):
    """What a service says about a person."""

    tell: Literal["remote-state"] = "remote-state"
    state: CertificateState
    said: Sentence = ""


class RemoteOpinion(Message):
    """What a service says about a file. Information beside our own verdict, never in its place."""

    tell: Literal["remote-opinion"] = "remote-opinion"
    conclusion: Sentence
    signatures: int


class Done(Message):
    """It was done; there is nothing to say."""

    tell: Literal["done"] = "done"


class Failed(Message):
    """It was not done; or, with UNKNOWN_OUTCOME, nobody here knows."""

    tell: Literal["failed"] = "failed"
    code: SigningCode
    sentence: str
    """For a technician, in English; never holds a secret."""


Told = Sealed | HeadSigned | Keys | RemoteState | RemoteOpinion | Done | Failed


class Request(Message):
    """One question over the socket."""

    id: Annotated[int, Field(ge=0)]
    ask: Annotated[Ask, Field(discriminator="ask")]


class Answer(Message):
    """The answer to the question of the same id; answers may overtake one another."""

    id: int
    tell: Annotated[Told, Field(discriminator="tell")]
