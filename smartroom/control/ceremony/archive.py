"""What is left of a ceremony: its story read back from the journal, and the bundle that proves it without this server."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from smartroom.control.ceremony import heads
from smartroom.control.ceremony.draft import Draft
from smartroom.control.ceremony.journal import HEADS, JOURNAL
from smartroom.control.ceremony.retention import STROKES
from smartroom.control.ceremony.story import Story
from smartroom.control.chain import Record, examine
from smartroom.control.chain.record import REMOVED
from smartroom.protocol.ceremony import FIELD_HEIGHT, FIELD_WIDTH, JournalReport

_README = """\
BERKAS BUKTI UPACARA / EVIDENCE OF A CEREMONY

{number} - {subject}{gladi}

berita-acara.pdf   dokumen / the document (periksa: smartroom verify berita-acara.pdf)
versi/             setiap versi dokumen; tiap versi adalah awal dari versi berikutnya / each version begins with the one before
jurnal             catatan semua kejadian / journal of all events (periksa: smartroom journal verify FOLDER)
{heads}      ujung jurnal yang ditandatangani / signed heads of the journal
goresan.json       titik-titik tanda tangan, atau garis luarnya saja / points of the signatures, or their outline only
goresan.p7m        titik-titik untuk pemegang kunci escrow / points for the escrow's key (bila ada / if any)
garis-waktu.txt    garis waktu / timeline
foto.*             foto bersama / group photo
SHA256SUMS         daftar sidik / list of hashes (periksa: sha256sum -c SHA256SUMS)

Setiap baris jurnal: SHA-256, spasi, JSON. Sidik mencakup sidik baris sebelumnya (64 nol untuk baris pertama), spasi, dan JSON itu.
Each line of the journal: SHA-256, a space, JSON. The hash covers the hash of the line before (64 zeros for the first), a space, and that JSON.
"""
_TOLD = {
    "open": "jurnal dibuka",
    "resume": "server menyala kembali",
    "freeze": "naskah dibekukan",
    "thaw": "naskah dibuka kembali",
    "opened": "prasasti dibuka di tablet",
    "turn": "giliran penanda tangan",
    "lead": "tablet memimpin",
    "mode": "mode tablet",
    "done": "Selesai",
    "reveal": "diresmikan",
    "cover": "ditutup kembali",
    "cue": "isyarat",
    "clock": "jam server diubah",
    "photo": "foto bersama",
    "drawn": "Berita Acara digambar",
    "asked": "permintaan tanda tangan dikirim",
    "answered": "jawaban tanda tangan",
    "again": "boleh diulang",
    "verdict": "putusan verifikasi",
    "upgraded": "dinaikkan ke jangka panjang",
    "head": "ujung jurnal ditandatangani",
    "ended": "acara ditutup",
    "removal": "tekanan dan waktu goresan dihapus, garis luar disimpan",
    "removed": "catatan yang dihapus",
    "forgotten": "goresan terenkripsi dihapus",
    "void": "BATAL",
}
_QUIET = frozenset({"ink", REMOVED})
_PNG = b"\x89PNG"


def read(folder: Path) -> tuple[Draft, Story, list[Record]]:
    """A ceremony as its journal tells; a journal that is damaged tells its unbroken beginning. OSError when there is none of the name."""
    draft, story = Draft.load(folder), Story()
    try:
        records = examine((folder / JOURNAL).read_bytes()).records
    except FileNotFoundError:
        records = []
    for record in records:
        story.apply(record)
    return draft, story, records


def newest(folder: Path) -> bytes | None:
    """The document's newest version."""
    _, story, _ = read(folder)
    return version(folder, story, -1)


def version(folder: Path, story: Story, number: int) -> bytes | None:
    """A version of the document, only when it is the one the journal names."""
    if not story.files:
        return None
    sha256 = story.files[number]
    try:
        pdf = (folder / f"document-{sha256[:16]}.pdf").read_bytes()
    except OSError:
        return None
    return pdf if hashlib.sha256(pdf).hexdigest() == sha256 else None


def number_of(folder: Path) -> str:
    """The number on its paper."""
    return Draft.load(folder).text.number


def check_journal(folder: Path) -> JournalReport:
    """Is it whole? A ceremony that was never frozen has none."""
    if not (folder / JOURNAL).exists():
        return JournalReport(records=0, head="", closed=False)
    return heads.check(folder / JOURNAL)[1]


def bundle(folder: Path) -> bytes:
    """Everything as one ZIP, with a list of hashes and how to check it; the same ceremony gives the same bytes."""
    draft, story, records = read(folder)
    files: dict[str, bytes] = {
        "BACA-SAYA.txt": _README.format(
            number=draft.text.number,
            subject=draft.text.subject,
            gladi=" - GLADI, TIDAK BERLAKU / REHEARSAL, NOT VALID" if draft.rehearsal else "",
            heads=HEADS,
        ).encode(),
        "goresan.json": strokes(draft, story),
        "garis-waktu.txt": timeline(records),
    }
    for name in (JOURNAL, HEADS, "emblem"):
        if (folder / name).exists():
            files["jurnal" if name == JOURNAL else name] = (folder / name).read_bytes()
    if (folder / STROKES).exists():
        files["goresan.p7m"] = (folder / STROKES).read_bytes()
    for number in range(len(story.files)):
        pdf = version(folder, story, number)
        if pdf is not None:
            files[f"versi/{number + 1}.pdf"] = pdf
            files["berita-acara.pdf"] = pdf
    if story.photo is not None:
        photo = (folder / f"photo-{story.photo.sha256[:16]}").read_bytes()
        files["foto.png" if photo.startswith(_PNG) else "foto.jpg"] = photo
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in sorted(files.items()))
    files["SHA256SUMS"] = sums.encode()
    at = datetime.fromtimestamp(draft.created, UTC).timetuple()[:6]
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, at), body, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def strokes(draft: Draft, story: Story) -> bytes:
    """Points of every signature; channels are named as in ISO/IEC 19794-7, without claiming its form."""
    outline = story.outlined_at is not None
    signatures = [
        {
            "signatory": draft.text.signatories[signature.signatory].name,
            "attempt": signature.attempt,
            "began": signature.began,
            "sha256": signature.digest(),
            "strokes": [
                {
                    "source": stroke.source,
                    "end": stroke.end,
                    "points": [each[: 2 if outline else 6] for each in stroke.points],
                }
                for stroke in signature.strokes.values()
            ],
        }
        for signature in story.ink.signatures.values()
    ]
    told = {
        "format": "smartroom strokes 1",
        "channels": ["X", "Y"] if outline else ["X", "Y", "T", "F", "tilt X", "tilt Y"],
        "outline": outline,
        "units": {"X": f"1/{FIELD_WIDTH} field width", "Y": "as X", "T": "ms", "F": "1/1000", "tilt": "degrees"},
        "field": [FIELD_WIDTH, FIELD_HEIGHT],
        "text_sha256": draft.text.digest(),
        "signatures": signatures,
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


def timeline(records: list[Record]) -> bytes:
    """Who did what when, a line each; points are left out."""
    return "".join(f"{line}\n" for line in _lines(records)).encode()


def _lines(records: list[Record]) -> Iterator[str]:
    for record in records:
        if record.kind in _QUIET:
            continue
        at = datetime.fromtimestamp(record.at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        told = " ".join(_told(record.body))
        yield f"{at} UTC  {record.sequence:>6}  {_TOLD.get(record.kind, record.kind)}  {told}".rstrip()


def _told(body: Any) -> Iterator[str]:
    for key in ("by", "name", "signatory", "attempt", "what", "code", "level", "reason", "jumped", "digest", "sha256"):
        value = body.get(key)
        if value not in (None, ""):
            yield f"{key}={value}"
