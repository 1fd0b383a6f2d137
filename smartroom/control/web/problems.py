"""Problems as HTTP answers (RFC 9457: `application/problem+json`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from smartroom.control.errors import ProblemError, problem
from smartroom.protocol.base import Text
from smartroom.protocol.errors import ErrorCode, Problem

STATUS: Final[Mapping[ErrorCode, int]] = {
    ErrorCode.INVALID: 400,
    ErrorCode.UNAUTHENTICATED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.NOT_FOUND: 404,
    ErrorCode.BUSY: 409,
    ErrorCode.STALE: 409,
    ErrorCode.SUPERSEDED: 409,
    ErrorCode.OVERRIDDEN: 409,
    ErrorCode.CANCELLED: 409,
    ErrorCode.BLOCKED: 409,
    ErrorCode.RULE: 409,
    ErrorCode.EXPIRED: 410,
    ErrorCode.NOT_SUPPORTED: 422,
    ErrorCode.CONFIGURATION: 422,
    ErrorCode.RATE_LIMITED: 429,
    ErrorCode.INTERNAL: 500,
    ErrorCode.UNREACHABLE: 502,
    ErrorCode.REFUSED: 502,
    ErrorCode.NOT_REACHED: 502,
    ErrorCode.UNVERIFIED: 502,
    ErrorCode.DEGRADED: 502,
    ErrorCode.WRONG_PASSWORD: 502,
    ErrorCode.PORT_IN_USE: 502,
    ErrorCode.OVERLOADED: 503,
    ErrorCode.TIMEOUT: 504,
}
CONTENT_TYPE = "application/problem+json"


def answer(trouble: Problem, status: int | None = None) -> web.Response:
    """A problem as a response."""
    code = status or STATUS[trouble.code]
    response = web.Response(status=code, text=trouble.model_dump_json(exclude_none=True), content_type=CONTENT_TYPE)
    if trouble.code is ErrorCode.UNAUTHENTICATED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if trouble.code in (ErrorCode.RATE_LIMITED, ErrorCode.OVERLOADED):
        named = re.search(r"retry_after=(\d+)", trouble.detail)
        response.headers["Retry-After"] = named.group(1) if named else "1"
    return response


def of_http(error: web.HTTPException) -> Problem:
    """A refusal of the HTTP library in our words."""
    words = {
        404: (ErrorCode.NOT_FOUND, "Alamat ini tidak ada", "There is nothing at this address"),
        405: (ErrorCode.INVALID, "Metode ini tidak berlaku di sini", "This method does not apply here"),
        413: (ErrorCode.INVALID, "Permintaan terlalu besar", "The request is too large"),
    }
    code, indonesian, english = words.get(
        error.status, (ErrorCode.INVALID, "Permintaan ditolak", "The request was refused")
    )
    if error.status != web.HTTPRequestEntityTooLarge.status_code:
        return problem(code, indonesian, english, detail=error.reason)
    fix = Text(id="Pakai berkas yang lebih kecil", en="Use a smaller file")
    return problem(code, indonesian, english, detail=error.text or "", fix=fix)


def unauthenticated(detail: str = "") -> ProblemError:
    """Nobody is signed in."""
    return ProblemError(problem(ErrorCode.UNAUTHENTICATED, "Masuk dahulu", "Sign in first", detail=detail))


def forbidden(detail: str = "") -> ProblemError:
    """Signed in, and not allowed."""
    return ProblemError(
        problem(ErrorCode.FORBIDDEN, "Tidak diizinkan untuk peran ini", "Not allowed for this role", detail=detail)
    )


def not_found(indonesian: str, english: str) -> ProblemError:
    """No such thing."""
    return ProblemError(problem(ErrorCode.NOT_FOUND, indonesian, english))


def rate_limited() -> ProblemError:
    """Too much at once."""
    return ProblemError(problem(ErrorCode.RATE_LIMITED, "Terlalu cepat; tunggu sebentar", "Too fast; wait a moment"))
