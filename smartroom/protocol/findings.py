"""The sentence of each finding, Indonesian first, and its colour."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from smartroom.protocol.base import Text
from smartroom.protocol.verdict import Finding, Light, Verdict, VerdictLine

_ORDER = (Light.GREEN, Light.AMBER, Light.RED)

_LINES: dict[Finding, tuple[Light, str, str]] = {
    Finding.INTACT: (
        Light.GREEN,
        "Isi dokumen tidak berubah sejak ditandatangani.",
        "The document has not changed since it was signed.",
    ),
    Finding.EXTENDED: (
        Light.GREEN,
        "Isi dokumen tidak berubah; hanya data pembuktian yang ditambahkan.",
        "The document has not changed; only validation data was added.",
    ),
    Finding.NO_SIGNATURE: (
        Light.RED,
        "Berkas ini tidak memuat tanda tangan elektronik.",
        "This file carries no electronic signature.",
    ),
    Finding.CONTENT_CHANGED: (
        Light.RED,
        "Isi dokumen telah diubah setelah ditandatangani.",
        "The document was changed after signing.",
    ),
    Finding.SIGNATURE_BROKEN: (
        Light.RED,
        "Tanda tangan elektroniknya rusak atau dipalsukan.",
        "The electronic signature is damaged or forged.",
    ),
    Finding.REVISION_ADDED: (
        Light.RED,
        "Ada isi yang ditambahkan setelah dokumen ditandatangani.",
        "Something was added after the document was signed.",
    ),
    Finding.NOT_COVERED: (
        Light.RED,
        "Tanda tangan tidak mencakup seluruh isi dokumen.",
        "The signature does not cover the whole document.",
    ),
    Finding.PADDING_USED: (
        Light.RED,
        "Ada data tersembunyi di samping tanda tangan.",
        "Data is hidden beside the signature.",
    ),
    Finding.UNREADABLE: (
        Light.RED,
        "Berkas ini bukan PDF, atau tidak dapat dibaca dengan pasti.",
        "This file is no PDF, or cannot be read with certainty.",
    ),
    Finding.TOO_BIG: (
        Light.RED,
        "Berkas terlalu besar atau halamannya terlalu banyak untuk diperiksa.",
        "The file is too big, or has too many pages, to be checked.",
    ),
    Finding.TOO_COSTLY: (
        Light.RED,
        "Pemeriksaan dihentikan: berkas ini menghabiskan waktu atau memori.",
        "The check was stopped: this file uses up time or memory.",
    ),
    Finding.KNOWN: (
        Light.GREEN,
        "Penanda tangan dikenal; sertifikatnya berlaku saat menandatangani.",
        "The signer is known; the certificate was valid when signing.",
    ),
    Finding.KNOWN_UNREVOKED_UNPROVEN: (
        Light.AMBER,
        "Penanda tangan dikenal; bukti bahwa sertifikatnya tidak dicabut belum disimpan dalam berkas.",
        "The signer is known; the file does not yet hold proof that the certificate was not revoked.",
    ),
    Finding.TEST_CERTIFICATE: (
        Light.AMBER,
        "Ditandatangani dengan sertifikat uji untuk gladi: bukan tanda tangan yang sah.",
        "Signed with a test certificate for rehearsal: not a legal signature.",
    ),
    Finding.UNKNOWN_ISSUER: (
        Light.RED,
        "Penerbit sertifikat penanda tangan tidak dikenal.",
        "The issuer of the signer's certificate is not known.",
    ),
    Finding.REVOKED: (
        Light.RED,
        "Sertifikat penanda tangan telah dicabut sebelum menandatangani.",
        "The signer's certificate had been revoked before signing.",
    ),
    Finding.EXPIRED: (
        Light.RED,
        "Sertifikat penanda tangan sudah kedaluwarsa saat menandatangani, atau waktunya tidak terbukti.",
        "The signer's certificate had expired when signing, or the time is not proven.",
    ),
    Finding.NOT_YET_VALID: (
        Light.RED,
        "Sertifikat penanda tangan belum berlaku saat menandatangani.",
        "The signer's certificate was not valid yet when signing.",
    ),
    Finding.WEAK: (
        Light.RED,
        "Tanda tangan memakai algoritma yang tidak lagi diterima.",
        "The signature uses an algorithm that is no longer accepted.",
    ),
    Finding.NOT_JUDGED: (Light.RED, "Tidak dapat dinilai.", "Cannot be judged."),
    Finding.GUARANTEED: (
        Light.GREEN,
        "Waktu penandatanganan dijamin otoritas waktu, beserta bukti untuk jangka panjang.",
        "The time of signing is vouched for by a timestamp authority, with proof for the long term.",
    ),
    Finding.STAMPED: (
        Light.AMBER,
        "Waktu penandatanganan dijamin otoritas waktu; bukti jangka panjang belum disimpan dalam berkas.",
        "The time of signing is vouched for by a timestamp authority; the file holds no long-term proof yet.",
    ),
    Finding.CLAIMED: (
        Light.RED,
        "Waktu penandatanganan hanya menurut jam penanda tangan.",
        "Only the signer's own clock tells the time of signing.",
    ),
    Finding.STAMP_BROKEN: (
        Light.RED,
        "Cap waktu rusak atau bukan milik tanda tangan ini.",
        "The timestamp is damaged or belongs to something else.",
    ),
    Finding.STAMP_UNKNOWN: (
        Light.RED,
        "Otoritas cap waktu tidak dikenal, atau sertifikatnya tidak lagi berlaku.",
        "The timestamp authority is not known, or its certificate is no longer valid.",
    ),
}


def line(finding: Finding) -> VerdictLine:
    """The line that says it."""
    light, indonesian, english = _LINES[finding]
    return VerdictLine(light=light, finding=finding, text=Text(id=indonesian, en=english))


def worst(lines: Iterable[VerdictLine]) -> VerdictLine:
    """The worst of several signatures' lines, the first of equals; NOT_JUDGED of none."""
    return max(lines, key=lambda each: _ORDER.index(each.light), default=line(Finding.NOT_JUDGED))


def refused(pdf: bytes, finding: Finding, now: datetime, pages: int = 0) -> Verdict:
    """The verdict on a file whose signatures could not even be looked at."""
    nothing = line(Finding.NOT_JUDGED)
    return Verdict(
        sha256=hashlib.sha256(pdf).hexdigest(),
        size=len(pdf),
        pages=max(pages, 0),
        judged_at=now,
        intact=line(finding),
        known=nothing,
        time=nothing,
    )
