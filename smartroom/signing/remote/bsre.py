"""BSrE eSign Client Service, API v2 (Petunjuk Teknis v2.2.1, January 2024, and public clients of it).

The service runs inside the agency's network and answers HTTP Basic. What it does with a request that has left cannot be known
unless it answers: such a request is never repeated here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp

from smartroom.protocol.signing import CertificateState, RemoteOpinion, RemoteSeal, RemoteSign, RemoteState, SigningCode
from smartroom.signing import limits
from smartroom.signing.errors import SigningFault

log = logging.getLogger(__name__)

_STATES = {
    "ISSUE": CertificateState.ISSUE,
    "NOT_REGISTERED": CertificateState.NOT_REGISTERED,
    "NO_CERTIFICATE": CertificateState.NO_CERTIFICATE,
    "EXPIRED": CertificateState.EXPIRED,
    "REVOKE": CertificateState.REVOKE,
}
_CODES = {
    2011: SigningCode.NOT_REGISTERED,
    2021: SigningCode.NO_CERTIFICATE,
    2031: SigningCode.WRONG_PASSPHRASE,
}
"""`status_code` of refusals; the last is known from public clients only, so the words are looked at too."""

_PERSONAL = re.compile(r"\d{8,}|\S+@\S+")


class BsreSigner:
    """One installation of the service. The session is the caller's."""

    def __init__(self, session: aiohttp.ClientSession, url: str, user: str, password: str, *, rehearsal: bool) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._rehearsal = rehearsal

    @property
    def rehearsal(self) -> bool:
        """Whether it is a simulator or a test account."""
        return self._rehearsal

    async def status(self, signer: str) -> RemoteState:
        """`user/check/status`; a clock that is off is said, because timestamps before the signature look like fraud."""
        answer, skew = await self._ask("user/check/status", _who(signer), changes=False)
        state = _STATES.get(str(answer.get("status", "")), CertificateState.UNKNOWN)
        said = _PERSONAL.sub("…", str(answer.get("message", "")))
        if abs(skew) > limits.CLOCK_SKEW_S:
            said = f"{said} (the service's clock is {skew:+.0f} s off)"
        return RemoteState(state=state, said=said[:200])

    async def request_code(self, signer: str, files: int) -> None:
        """`sign/get/totp`: the code appears in BeSign Mobile. Asking twice only makes the first code void."""
        await self._ask("sign/get/totp", _who(signer) | {"data": files}, changes=False)

    async def sign(self, pdf: bytes, wish: RemoteSign) -> bytes:
        """`sign/pdf` for one file, with passphrase or one-time code."""
        if (wish.passphrase is None) is (wish.totp is None):
            raise SigningFault(SigningCode.INVALID, "give either a passphrase or a code")
        properties: dict[str, object] = {"tampilan": "INVISIBLE", "reason": wish.reason, "location": wish.location}
        if wish.placement is not None:
            place = wish.placement
            properties |= {
                "tampilan": "VISIBLE",
                "imageBase64": base64.b64encode(place.png).decode(),
                "page": place.page,
                "originX": place.x,
                "originY": place.y,
                "width": place.width,
                "height": place.height,
            }
        body = _who(wish.signer.get_secret_value()) | {
            "signatureProperties": [properties],
            "file": [base64.b64encode(pdf).decode()],
        }
        if wish.passphrase is not None:
            body["passphrase"] = wish.passphrase.get_secret_value()
        if wish.totp is not None:
            body["totp"] = wish.totp.get_secret_value()
        answer, _ = await self._ask("sign/pdf", body, changes=True)
        return _signed_file(answer, pdf)

    async def seal(self, pdf: bytes, wish: RemoteSeal) -> bytes:
        """`seal/pdf` for one file: the agency's electronic seal."""
        body: dict[str, object] = {
            "idSubscriber": wish.signer.get_secret_value(),
            "totp": wish.totp.get_secret_value(),
            "signatureProperties": [{"tampilan": "INVISIBLE"}],
            "file": [base64.b64encode(pdf).decode()],
        }
        answer, _ = await self._ask("seal/pdf", body, changes=True)
        return _signed_file(answer, pdf)

    async def verify(self, pdf: bytes) -> RemoteOpinion:
        """`verify/pdf`: slow, and vague in its details; only the conclusion and the count are used."""
        body: dict[str, object] = {"file": base64.b64encode(pdf).decode()}
        answer, _ = await self._ask("verify/pdf", body, changes=False, timeout=limits.REMOTE_VERIFY_TIMEOUT_S)
        return RemoteOpinion(
            conclusion=str(answer.get("conclusion", ""))[:200], signatures=int(answer.get("signatureCount") or 0)
        )

    async def _ask(
        self,
        call: str,
        body: dict[str, object],
        *,
        changes: bool,
        timeout: float | None = None,  # noqa: ASYNC109  # one place to set it
    ) -> tuple[dict[str, Any], float]:
        """The answer and how far the service's clock is ahead, in seconds. `changes`: once sent, silence is UNKNOWN_OUTCOME."""
        trace = SimpleNamespace(sent=False)
        silent = SigningCode.UNKNOWN_OUTCOME if changes else SigningCode.UNREACHABLE
        began = time.time()
        try:
            async with (
                asyncio.timeout(timeout or limits.REMOTE_TIMEOUT_S),
                self._session.post(
                    f"{self._url}/api/v2/{call}",
                    json=body,
                    headers=self._headers,
                    trace_request_ctx=trace,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.CONNECT_TIMEOUT_S),
                ) as response,
            ):
                raw = await _body(response)
                status, date = response.status, response.headers.get("Date")
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            code = silent if trace.sent else SigningCode.UNREACHABLE
            log.warning("bsre %s: %s (sent: %s)", call, type(error).__name__, trace.sent)
            sentence = "the service did not answer" if trace.sent else "the service cannot be reached"
            raise SigningFault(code, f"{call}: {sentence}") from error
        return _understood(call, status, raw, silent), _skew(date, began)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        parts += part
        if len(parts) > limits.MAX_SERVICE_ANSWER:
            raise aiohttp.ClientPayloadError("answer too long")
    return bytes(parts)


def watch_sending() -> aiohttp.TraceConfig:
    """For the session: notes on each request whether any of it has left this machine."""

    async def sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx.sent = True

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(sent)
    return trace


def _understood(call: str, status: int, raw: bytes, silent: SigningCode) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    if status == 200 and isinstance(answer, dict):
        return answer
    if status in {401, 403}:
        raise SigningFault(
            SigningCode.CONFIGURATION, f"{call}: the service refuses this application's name or password"
        )
    if 400 <= status < 500:
        answer = answer if isinstance(answer, dict) else {}
        said = _PERSONAL.sub("…", str(answer.get("error") or answer.get("message") or f"HTTP {status}"))[:160]
        code = _CODES.get(_number(answer.get("status_code")), SigningCode.REFUSED)
        if code is SigningCode.REFUSED and "passphrase" in said.lower():
            code = SigningCode.WRONG_PASSPHRASE
        raise SigningFault(code, f"{call}: {said}")
    # 5xx, or a 200 that says nothing: it was given the request, and whether it signed before it fell over nobody knows.
    raise SigningFault(silent, f"{call}: HTTP {status} without a usable answer")


def _signed_file(answer: dict[str, Any], pdf: bytes) -> bytes:
    try:
        (text,) = answer["file"]
        signed = base64.b64decode(text, validate=True)
    except (KeyError, ValueError, TypeError, binascii.Error) as error:
        raise SigningFault(SigningCode.UNKNOWN_OUTCOME, "the service answered without the signed file") from error
    if not signed.startswith(b"%PDF-") or signed == pdf:
        raise SigningFault(SigningCode.UNKNOWN_OUTCOME, "what the service returned is not a signed file")
    return signed


def _who(signer: str) -> dict[str, object]:
    return {"email" if "@" in signer else "nik": signer}


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0


def _skew(date: str | None, began: float) -> float:
    """Middle of the request against the service's Date header; 0 without one."""
    try:
        there = parsedate_to_datetime(date or "")
    except ValueError:
        return 0.0
    here = datetime.fromtimestamp((began + time.time()) / 2, UTC)
    return (there.replace(tzinfo=there.tzinfo or UTC) - here).total_seconds()
