"""PAdES signatures (ETSI EN 319 142-1): sign at a level, and raise the level of a signed file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper, Signer
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation.dss import async_add_validation_info
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import (
    CRLFetchError,
    CRLValidationError,
    ExpiredError,
    InsufficientRevinfoError,
    NotYetValidError,
    OCSPFetchError,
    OCSPValidationError,
    PathBuildingError,
    PathValidationError,
    RevokedError,
)

from smartroom.protocol.signing import Level, SigningCode
from smartroom.protocol.verdict import MAX_PDF
from smartroom.signing import limits
from smartroom.signing.errors import SigningFault
from smartroom.signing.marks import is_rehearsal
from smartroom.signing.seal.outbound import Services

DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class Wish:
    """How to sign."""

    level: Level
    reason: str = ""
    location: str = ""
    further: bool = False
    rehearsal: bool = False


async def sign(pdf: bytes, signer: Signer, wish: Wish, services: Services) -> bytes:
    """The file with one more signature; the first one certifies it. SigningFault says why not."""
    with _faults():
        reader = open_pdf(pdf)
        if is_rehearsal(reader) is not wish.rehearsal:
            kind = "is" if is_rehearsal(reader) else "is not"
            raise SigningFault(SigningCode.REHEARSAL, f"the document {kind} a rehearsal's")
        number = len(reader.embedded_regular_signatures) + 1
        timestamper = services.timestamper() if wish.level.rank >= Level.B_T.rank else None
        return await _sign(pdf, signer, wish, number, timestamper, services)


async def _sign(
    pdf: bytes, signer: Signer, wish: Wish, number: int, timestamper: TimeStamper | None, services: Services
) -> bytes:
    archive = wish.level.rank >= Level.B_LT.rank
    name = f"TandaTangan{number}"
    metadata = PdfSignatureMetadata(
        field_name=name,
        md_algorithm=DIGEST,
        subfilter=SigSeedSubFilter.PADES,
        reason=wish.reason or None,
        location=wish.location or None,
        certify=number == 1,
        docmdp_permissions=MDPPerm.FILL_FORMS if wish.further else MDPPerm.NO_CHANGES,
        embed_validation_info=archive,
        use_pades_lta=wish.level is Level.B_LTA,
        validation_context=services.context() if archive else None,
    )
    chosen = PdfSigner(metadata, signer, timestamper=timestamper, new_field_spec=SigFieldSpec(name))
    output: BytesIO = await chosen.async_sign_pdf(IncrementalPdfFileWriter(BytesIO(pdf)))
    return output.getvalue()


async def upgrade(pdf: bytes, level: Level, services: Services) -> bytes:
    """The file with validation data for each signature, and at B-LTA a document timestamp; its beginning is the file given."""
    with _faults():
        reader = open_pdf(pdf)
        signatures = reader.embedded_regular_signatures
        if not signatures:
            raise SigningFault(SigningCode.BAD_PDF, "the file is not signed")
        result = pdf
        if not reader.embedded_timestamp_signatures:  # what an earlier document timestamp covers has its data
            for number in range(len(signatures)):
                result = await _archive(result, number, services.context())
        if level is Level.B_LTA:
            result = await _timestamp(result, services)
    if not result.startswith(pdf):
        raise SigningFault(SigningCode.INTERNAL, "the upgraded file does not begin with the one given")
    return result


async def _archive(pdf: bytes, number: int, context: ValidationContext) -> bytes:
    reader = PdfFileReader(BytesIO(pdf))
    signature = reader.embedded_regular_signatures[number]
    # No /VRI: it is optional, and one that is there already may not change under a timestamp.
    output: BytesIO = await async_add_validation_info(signature, context, add_vri_entry=False)
    return output.getvalue()


async def _timestamp(pdf: bytes, services: Services) -> bytes:
    timestamper = PdfTimeStamper(services.timestamper())
    reader = PdfFileReader(BytesIO(pdf))
    output = BytesIO()
    if reader.embedded_timestamp_signatures:
        # A renewal: the last timestamp's own validation data goes in before the next is set on top.
        await timestamper.async_update_archival_timestamp_chain(
            reader, services.context(), in_place=False, output=output, default_md_algorithm=DIGEST
        )
    else:
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        await timestamper.async_timestamp_pdf(writer, DIGEST, validation_context=services.context(), output=output)
    return output.getvalue()


def open_pdf(pdf: bytes) -> PdfFileReader:
    """A file that may be signed; SigningFault(BAD_PDF) when it is none, encrypted, or endless."""
    if len(pdf) > MAX_PDF:
        raise SigningFault(SigningCode.BAD_PDF, "the file is too big")
    try:
        reader = PdfFileReader(BytesIO(pdf))
        pages = int(reader.root["/Pages"]["/Count"])
        reader.embedded_signatures  # noqa: B018  # parsed on first use: now is when a broken one is our asker's fault
    except (PdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise SigningFault(SigningCode.BAD_PDF, f"not a PDF that can be signed: {error}") from error
    if reader.encrypted or not 0 < pages <= limits.MAX_PAGES:
        raise SigningFault(SigningCode.BAD_PDF, "the file is encrypted, empty or has too many pages")
    return reader


_CAUSES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], SigningCode], ...] = (
    (TimestampRequestError, SigningCode.UNREACHABLE),
    (RevokedError, SigningCode.REVOKED),
    (ExpiredError, SigningCode.EXPIRED),
    (NotYetValidError, SigningCode.NOT_YET_VALID),
    ((OCSPFetchError, CRLFetchError, InsufficientRevinfoError), SigningCode.UNREACHABLE),
    ((OCSPValidationError, CRLValidationError), SigningCode.UNREACHABLE),
    ((PathBuildingError, PathValidationError), SigningCode.UNTRUSTED),
    (PdfError, SigningCode.BAD_PDF),
    (OSError, SigningCode.UNREACHABLE),
    ((SigningError, ValueError), SigningCode.BAD_PDF),
)


@contextmanager
def _faults() -> Iterator[None]:
    """A library's exception becomes one of our codes, by the most telling one in its chain of causes."""
    try:
        yield
    except SigningFault:
        raise
    except Exception as error:
        chain: list[BaseException] = [error]
        while (cause := chain[-1].__cause__) is not None:
            chain.append(cause)
        for kind, code in _CAUSES:
            for link in chain:
                if isinstance(link, kind):
                    raise SigningFault(code, f"{type(link).__name__}: {link}") from error
        raise
