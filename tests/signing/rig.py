"""What the signing tests share: an authority with its services on a port of its own, sealed samples, a document."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from smartroom.control.ceremony.sealing import SealingProcess
from smartroom.protocol.document import DocumentText, DrawDocument, Ink, PlaqueLook, Point, Signatory
from smartroom.protocol.signing import Level
from smartroom.protocol.verdict import JudgeDocument
from smartroom.signing.document.draw import draw
from smartroom.signing.seal import pades
from smartroom.signing.seal.outbound import Outbound
from smartroom.signing.settings import load_settings
from smartroom.signing.testing.authority import Issued, TestAuthority
from smartroom.signing.testing.bsre import signer_of
from smartroom.signing.testing.house import TestHouse, furnish
from smartroom.signing.testing.services import Services, run_services
from tests.ports import free_port

HOST = "127.0.0.1"


@asynccontextmanager
async def sealing_process(settings: Path, log: int | None = None) -> AsyncIterator[SealingProcess]:
    """A sealing process that answers."""
    sealing = SealingProcess(settings, log)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(sealing.run())
        sealing.want()
        while not sealing.alive:
            await asyncio.sleep(0.005)
        yield sealing
        running.cancel()


PERSONAL_NUMBER = "3578010101700001"


@dataclass(frozen=True, slots=True)
class Office:
    """An authority, and the folder of a sealing process that trusts it."""

    authority: TestAuthority
    house: TestHouse
    mayor: Issued

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Services]:
        """Its services answer until left."""
        async with run_services(self.authority, HOST, int(self.authority.url.rpartition(":")[2])) as services:
            yield services

    async def seal(self, pdf: bytes, level: Level, signer: Issued | None = None, *, rehearsal: bool = False) -> bytes:
        """Seal in this process; the services must be open."""
        async with Outbound(load_settings(self.house.settings)) as services:
            wish = pades.Wish(level, "Peresmian", "Kota Uji", rehearsal=rehearsal)
            return await pades.sign(pdf, signer_of(signer or self.mayor), wish, services)

    async def upgrade(self, pdf: bytes, level: Level) -> bytes:
        """Upgrade in this process; the services must be open."""
        async with Outbound(load_settings(self.house.settings)) as services:
            return await pades.upgrade(pdf, level, services)

    def wish(self, at: datetime | None = None) -> JudgeDocument:
        """Judge by this authority's certificates."""
        return JudgeDocument(roots=[self.house.root], intermediates=[self.house.intermediate], at=at)


def make_office(folder: Path) -> Office:
    """A new authority and its folder."""
    authority = TestAuthority.create(f"http://{HOST}:{free_port()}")
    mayor = authority.issue("Dr. Siti Rahmawati, M.Si.", personal_number=PERSONAL_NUMBER)
    return Office(authority, furnish(folder, authority, signer=mayor), mayor)


def make_samples(office: Office) -> dict[str, bytes]:
    """A sealed file per level, and B-T files raised afterwards as a BSrE file would be."""

    async def make() -> dict[str, bytes]:
        pdf = berita_acara()
        async with office.open():
            samples = {level.value: await office.seal(pdf, level) for level in Level}
            samples["raised-b-lt"] = await office.upgrade(samples["b-t"], Level.B_LT)
            samples["raised-b-lta"] = await office.upgrade(samples["b-t"], Level.B_LTA)
            samples["b-lt-then-b-lta"] = await office.upgrade(samples["b-lt"], Level.B_LTA)
            samples["renewed"] = await office.upgrade(samples["raised-b-lta"], Level.B_LTA)
            return samples

    return asyncio.run(make())


def ink(shift: float = 0.0) -> Ink:
    """A signature of two strokes and a dot."""
    wave: list[Point] = [
        (40 + 2.2 * i, 100 + 50 * math.sin(i / 9 + shift) * math.cos(i / 31), 4.2 * i, 0.5 + 0.4 * math.sin(i / 17))
        for i in range(240)
    ]
    return Ink(
        width=600,
        height=200,
        strokes=[wave, [(100, 160, 1100, 0.5), (500, 140, 1500, 0.7)], [(300, 40, 1600, 0.6)]],
    )


def text(
    signatories: int = 1, look: PlaqueLook = PlaqueLook.STONE, changes: Mapping[str, object] | None = None
) -> DocumentText:
    """The text of a ceremony, with some of its fields changed."""
    people = [
        Signatory(name="Dr. Siti Rahmawati, M.Si.", title="Wali Kota Uji"),
        Signatory(name="Ir. Budi Santoso", title="Sekretaris Daerah"),
        Signatory(name="Ayu Lestari", title="Kepala Dinas", organisation="Dinas Kominfo"),
    ]
    values: dict[str, object] = {
        "number": "100.3/BA/2026",
        "subject": "Ruang Pusat Kendali Kota Uji",
        "place": "Kota Uji",
        "date": "23 November 2026",
        "agency": "PEMERINTAH KOTA UJI",
        "plaque_lines": ["Dengan rahmat Tuhan Yang Maha Esa"],
        "signatories": people[:signatories],
        "look": look,
    }
    return DocumentText.model_validate(values | dict(changes or {}))


def wish(written: DocumentText | None = None, **more: object) -> DrawDocument:
    """The wish to draw it."""
    written = written or text()
    values: dict[str, object] = {
        "document": "abcDEF12345",
        "text": written,
        "frozen": written.digest(),
        "inks": [ink(number) for number in range(len(written.signatories))],
        "verify_url": "https://kota-uji.example/v/abcDEF12345",
        "drawn_at": datetime(2026, 11, 23, 10, 7, tzinfo=UTC),
        "journal_head": "ab" * 32,
        "head_key": "cd" * 32,
    }
    return DrawDocument.model_validate(values | more)


def berita_acara(*, rehearsal: bool = False) -> bytes:
    """The unsigned document."""
    _, pdf = draw(wish(rehearsal=rehearsal))
    return pdf


def signatures(pdf: bytes) -> list[EmbeddedPdfSignature]:
    """All signatures and timestamps of a file, in the order they were made."""
    found: list[EmbeddedPdfSignature] = PdfFileReader(BytesIO(pdf)).embedded_signatures
    return sorted(found, key=lambda each: int(each.byte_range[2]))
