"""The fixed words of the document in both languages."""

from __future__ import annotations

from dataclasses import dataclass

from smartroom.protocol.document import Language


@dataclass(frozen=True, slots=True)
class Words:
    """Every fixed word that stands on the pages."""

    minutes: str
    number: str
    opening: str
    closing: str
    plaque: str
    inaugurated: str
    by: str
    check: str
    note: str
    document: str
    text: str
    journal: str
    head_key: str
    rehearsal: str
    rehearsal_note: str


WORDS = {
    Language.INDONESIAN: Words(
        minutes="BERITA ACARA PERESMIAN",
        number="Nomor: {number}",
        opening="Pada hari ini, {date}, bertempat di {place}, telah dilaksanakan peresmian {subject}.",
        closing=(
            "Penandatanganan dilakukan pada tablet di hadapan para undangan. Prasasti peresmian pada halaman kedua merupakan"
            " bagian yang tidak terpisahkan dari Berita Acara ini; satu tanda tangan elektronik mencakup keduanya."
        ),
        plaque="PRASASTI PERESMIAN",
        inaugurated="Diresmikan di {place}, {date}",
        by="oleh",
        check="Pindai untuk memeriksa keaslian dokumen ini:",
        note=(
            "Goresan di atas adalah gambar dari tanda tangan di tablet. Kekuatan hukum terletak pada tanda tangan elektronik"
            " yang tersimpan dalam berkas PDF ini; salinan cetak diperiksa melalui kode QR."
        ),
        document="Dokumen",
        text="Naskah (SHA-256)",
        journal="Kepala jurnal",
        head_key="Kunci jurnal",
        rehearsal="GLADI",
        rehearsal_note="GLADI: dokumen latihan, tidak berlaku.",
    ),
    Language.ENGLISH: Words(
        minutes="MINUTES OF INAUGURATION",
        number="Number: {number}",
        opening="On this day, {date}, at {place}, {subject} was inaugurated.",
        closing=(
            "The signing took place on a tablet before the guests. The plaque on the second page is an inseparable part of these"
            " minutes; one electronic signature covers both."
        ),
        plaque="INAUGURATION PLAQUE",
        inaugurated="Inaugurated at {place}, {date}",
        by="by",
        check="Scan to check that this document is genuine:",
        note=(
            "The strokes above are a picture of the signature on the tablet. The legal force lies in the electronic signature"
            " inside this PDF file; a printed copy is checked through the QR code."
        ),
        document="Document",
        text="Text (SHA-256)",
        journal="Journal head",
        head_key="Journal key",
        rehearsal="GLADI",
        rehearsal_note="GLADI: rehearsal, not valid.",
    ),
}
