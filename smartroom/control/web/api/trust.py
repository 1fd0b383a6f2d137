"""How a device comes to trust this server's own certificate: tablets of the room, laptops and phones of guests."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from smartroom.control.web.keys import FRONT
from smartroom.control.web.pages import plain
from smartroom.control.web.problems import not_found
from smartroom.control.web.routes import page

_STEPS: Final = (
    (
        "Android",
        (
            "Unduh berkasnya, lalu buka Setelan &gt; Keamanan &gt; Enkripsi &amp; kredensial &gt; Pasang sertifikat &gt; Sertifikat CA.",
            "Pilih berkas yang diunduh. Peringatan yang tampil memang wajar untuk sertifikat buatan sendiri.",
        ),
    ),
    (
        "iPhone, iPad",
        (
            "Buka berkas di Safari dan izinkan unduhan profil; Setelan &gt; Profil Diunduh &gt; Pasang.",
            "Setelan &gt; Umum &gt; Mengenai &gt; Setelan Kepercayaan Sertifikat: nyalakan untuk sertifikat ini.",
        ),
    ),
    (
        "Windows (Chrome, Edge)",
        (
            "Klik ganda berkasnya &gt; Pasang Sertifikat &gt; Pengguna Saat Ini.",
            "Tempatkan semua sertifikat di penyimpanan berikut: Otoritas Sertifikasi Akar Tepercaya. Lalu tutup dan buka lagi peramban.",
        ),
    ),
    (
        "Mac (Chrome, Safari)",
        (
            "Klik ganda berkasnya: Akses Rantai Kunci terbuka.",
            "Klik ganda sertifikat itu &gt; Kepercayaan &gt; Selalu Percayai.",
        ),
    ),
    (
        "Firefox",
        (
            "Setelan &gt; Privasi &amp; Keamanan &gt; Sertifikat &gt; Lihat Sertifikat &gt; Otoritas &gt; Impor.",
            "Centang: percayai CA ini untuk mengenali situs web.",
        ),
    ),
    (
        "Linux, ChromeOS (Chrome)",
        ("Setelan &gt; Privasi dan keamanan &gt; Keamanan &gt; Kelola sertifikat &gt; Otoritas &gt; Impor.",),
    ),
)
"""System -> what to do there; the names of settings stand as the systems write them in Indonesian."""


async def trust(request: web.Request) -> web.StreamResponse:
    """How a device comes to trust this server's certificate."""
    from smartroom.control.identity.authority import fingerprint  # noqa: PLC0415  # cryptography only when asked

    root = request.app[FRONT].root_certificate
    if root is None:
        return plain(
            "Sertifikat",
            "Server ini tidak memakai sertifikat buatan sendiri; tidak ada yang perlu dipasang.",
            '<span lang="en">This server uses no certificate of its own making; there is nothing to install.</span>',
        )
    return plain(
        "Percayai server ruang ini",
        "Kamera dan mikrofon hanya boleh dipakai lewat sambungan aman. Server ini memakai sertifikat buatan sendiri: pasang sekali di "
        "perangkat ini, maka peramban tidak lagi memperingatkan. Perangkat yang tidak memperingatkan tidak memerlukannya.",
        '<span lang="en">Camera and microphone work over a secure connection only. Install this server\'s own root certificate once; '
        "a device that shows no warning does not need it. Do not click warnings away.</span>",
        "<b>1. Cocokkan sidik jari</b> dengan yang tampil di layar server atau yang dibacakan tuan rumah. Bila berbeda, jangan pasang.",
        f"<code>{fingerprint(root)}</code>",
        '<b>2. Unduh</b><br><a class="go" href="/trust/root.crt">Unduh sertifikat akar · Download the root certificate</a>',
        "<b>3. Pasang</b> menurut perangkat Anda:",
        after="\n".join(
            f"<details><summary>{system}</summary><ol>{''.join(f'<li>{step}</li>' for step in steps)}</ol></details>"
            for system, steps in _STEPS
        )
        + '\n<p><b>4.</b> Kembali ke tautan rapat dan muat ulang. <span lang="en">Go back to the meeting\'s link and reload.</span></p>',
    )


async def root_certificate(request: web.Request) -> web.StreamResponse:
    """The local root, to install."""
    root = request.app[FRONT].root_certificate
    if root is None:
        raise not_found(
            "Server ini tidak memakai sertifikat akar sendiri", "This server has no root certificate of its own"
        )
    headers = {"Content-Disposition": 'attachment; filename="smartroom-root.crt"'}
    return web.Response(body=root.read_bytes(), content_type="application/x-x509-ca-cert", headers=headers)


TABLE = (page("/trust", trust), page("/trust/root.crt", root_certificate))
