"""One error for everything a person or program is told: it carries a `Problem`."""

from __future__ import annotations

from devices.sdk.errors import DeviceError
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem


class ProblemError(Exception):
    """A request cannot be done; `problem` says why, in both languages."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text.en or problem.text.id)
        self.problem = problem


def problem(
    code: ErrorCode,
    indonesian: str,
    english: str,
    *,
    detail: str = "",
    device: str | None = None,
    name: str | None = None,
    fix: Text | None = None,
) -> Problem:
    """A Problem in both languages."""
    return Problem(
        code=code, text=Text(id=indonesian, en=english), detail=detail, fix=fix, device=device, property=name
    )


_WORDS: dict[ErrorCode, tuple[str, str, str, str]] = {
    ErrorCode.UNREACHABLE: (
        "Alat tidak terhubung",
        "The device is not connected",
        "Periksa daya dan kabel jaringan alat",
        "Check the device's power and network cable",
    ),
    ErrorCode.TIMEOUT: (
        "Alat tidak menjawab",
        "The device did not answer",
        "Periksa daya dan kabel alat",
        "Check the device's power and cable",
    ),
    ErrorCode.BUSY: (
        "Alat sedang sibuk",
        "The device is busy",
        "Tunggu sebentar, lalu ulangi",
        "Wait a moment, then try again",
    ),
    ErrorCode.REFUSED: (
        "Alat menolak perintah",
        "The device refused the command",
        "Tunjukkan rincian ini kepada teknisi",
        "Show this detail to a technician",
    ),
    ErrorCode.NOT_SUPPORTED: (
        "Alat tidak mendukung perintah ini",
        "The device cannot do this",
        "Ubah berkas ruangan",
        "Change the room's file",
    ),
    ErrorCode.WRONG_PASSWORD: (
        "Kata sandi alat salah",
        "The device's password is wrong",
        "Perbaiki kata sandi di berkas rahasia",
        "Correct the password in the secrets file",
    ),
    ErrorCode.PORT_IN_USE: (
        "Porta serial dipakai program lain",
        "Another program holds the serial port",
        "Tutup program itu",
        "Close that program",
    ),
    ErrorCode.CONFIGURATION: (
        "Pengaturan alat salah",
        "The device's settings are wrong",
        "Perbaiki room.yaml",
        "Correct room.yaml",
    ),
    ErrorCode.RULE: (
        "Dicegah pengunci: alat lain masih menyala",
        "Held back by an interlock: another device is still on",
        "Matikan dulu yang lain",
        "Switch the other one off first",
    ),
    ErrorCode.SUPERSEDED: ("Diganti perintah yang lebih baru", "A newer command took its place", "", ""),
    ErrorCode.INTERNAL: (
        "Kesalahan pada server",
        "The server made an error",
        "Tunjukkan rincian ini kepada teknisi",
        "Show this detail to a technician",
    ),
}

_CODES: dict[str, ErrorCode] = {
    "unreachable": ErrorCode.UNREACHABLE,
    "timeout": ErrorCode.TIMEOUT,
    "busy": ErrorCode.BUSY,
    "refused": ErrorCode.REFUSED,
    "not_supported": ErrorCode.NOT_SUPPORTED,
    "wrong_password": ErrorCode.WRONG_PASSWORD,
    "port_in_use": ErrorCode.PORT_IN_USE,
    "bad_setting": ErrorCode.CONFIGURATION,
    "configuration": ErrorCode.CONFIGURATION,
    "superseded": ErrorCode.SUPERSEDED,
    "desynchronised": ErrorCode.UNREACHABLE,
    "interlock": ErrorCode.RULE,
}


def device_problem(error: DeviceError, device: str, name: str | None = None) -> Problem:
    """What a device's error means to a person in the room; the device's own words are the detail."""
    code = _CODES.get(error.code, ErrorCode.REFUSED)
    indonesian, english, fix_id, fix_en = _WORDS[code]
    fix = Text(id=fix_id, en=fix_en) if fix_id else None
    return Problem(
        code=code, text=Text(id=indonesian, en=english), detail=str(error), fix=fix, device=device, property=name
    )
