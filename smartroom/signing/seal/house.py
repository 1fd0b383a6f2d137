"""What the sealing process can do: each request of `protocol.signing` becomes an answer, never an exception."""

from __future__ import annotations

import hashlib
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import aiohttp
from asn1crypto import x509
from pyhanko.sign.signers import Signer
from pyhanko_certvalidator import CertificateValidator
from pyhanko_certvalidator.errors import PathError, RevokedError, ValidationError

from smartroom.protocol.signing import (
    Ask,
    AskKeys,
    CertificateState,
    Done,
    Failed,
    Key,
    Keys,
    Level,
    RemoteCode,
    RemoteSeal,
    RemoteSign,
    RemoteStatus,
    RemoteVerify,
    SealDocument,
    Sealed,
    SignHead,
    SigningCode,
    Told,
    UpgradeDocument,
)
from smartroom.signing.errors import SigningFault
from smartroom.signing.marks import is_rehearsal
from smartroom.signing.remote.bsre import BsreSigner, watch_sending
from smartroom.signing.remote.port import RemoteSigner
from smartroom.signing.seal import pades
from smartroom.signing.seal.heads import HeadSigner
from smartroom.signing.seal.keys import Keyring
from smartroom.signing.seal.outbound import Outbound, Services
from smartroom.signing.settings import RemoteSettings, SigningSettings, read_secret

log = logging.getLogger(__name__)


class House:
    """Keys, services and the head key of one `signing.toml`; `async with` opens it. SigningFault when it cannot start."""

    def __init__(self, settings: SigningSettings) -> None:
        self._settings = settings
        self._keyring = Keyring(settings)
        self._heads = HeadSigner.open(settings.folder)
        self._stack = AsyncExitStack()
        self._remote: dict[str, RemoteSigner] = {}
        self._services: Services

    async def __aenter__(self) -> Self:
        async with self._stack:  # closed again unless all of it could be opened
            self._services = await self._stack.enter_async_context(Outbound(self._settings))
            session = aiohttp.ClientSession(trust_env=False, trace_configs=[watch_sending()])
            await self._stack.enter_async_context(session)
            for name, remote in self._settings.remote.items():
                self._remote[name] = self._adapter(name, remote, session)
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def answer(self, ask: Ask, blob: bytes) -> tuple[Told, bytes]:
        """The answer and the file beside it. Logs what was asked, never what was in it."""
        try:
            told, file = await self._do(ask, blob)
        except SigningFault as fault:
            log.warning("%s: %s: %s", ask.ask, fault.code.value, fault.sentence)
            return Failed(code=fault.code, sentence=fault.sentence), b""
        except Exception as error:  # noqa: BLE001  # one bad request must not end the process that holds the keys
            # The message of an unforeseen exception may quote the request: only its kind is told and logged.
            log.error("%s: %s", ask.ask, type(error).__name__)  # noqa: TRY400  # a traceback prints values
            return Failed(code=SigningCode.INTERNAL, sentence=type(error).__name__), b""
        if not isinstance(ask, SignHead):  # one at each decision; the journal itself is their record
            log.info("%s: %s", ask.ask, told.tell)
        return told, file

    async def _do(self, ask: Ask, blob: bytes) -> tuple[Told, bytes]:
        match ask:
            case SealDocument():
                return await self._seal(ask, blob)
            case UpgradeDocument():
                return _sealed(blob, await pades.upgrade(blob, Level(ask.level), self._services), Level(ask.level))
            case SignHead():
                return self._heads.sign(ask.statement), b""
            case AskKeys():
                keys = [await self._describe(name, online=ask.online) for name in self._settings.keys]
                return Keys(keys=keys, head_key=self._heads.public_key, services=sorted(self._remote)), b""
            case RemoteStatus():
                return await self._service(ask.service).status(ask.signer.get_secret_value()), b""
            case RemoteCode():
                await self._service(ask.service).request_code(ask.signer.get_secret_value(), ask.files)
                return Done(), b""
            case RemoteSign():
                service = self._checked(ask.service, blob, rehearsal=ask.rehearsal)
                return _sealed(blob, await service.sign(blob, ask), None)
            case RemoteSeal():
                service = self._checked(ask.service, blob, rehearsal=ask.rehearsal)
                return _sealed(blob, await service.seal(blob, ask), None)
            case RemoteVerify():
                return await self._service(ask.service).verify(blob), b""

    async def _seal(self, ask: SealDocument, pdf: bytes) -> tuple[Told, bytes]:
        passphrase = ask.passphrase.get_secret_value() if ask.passphrase else None
        signer: Signer = self._keyring.open(ask.key, passphrase, rehearsal=ask.rehearsal)
        wish = pades.Wish(ask.level, ask.reason, ask.location, further=ask.further, rehearsal=ask.rehearsal)
        return _sealed(pdf, await pades.sign(pdf, signer, wish, self._services), ask.level)

    async def _describe(self, name: str, *, online: bool) -> Key:
        key = self._keyring.describe(name)
        if not online or key.state is not CertificateState.ISSUE:
            return key
        certificate = self._keyring.certificate(name)
        try:
            await _validate(certificate, self._services)
        except RevokedError:
            return key.model_copy(update={"state": CertificateState.REVOKE})
        except (PathError, ValidationError, aiohttp.ClientError, OSError) as error:
            log.warning("state of %s: %s", name, type(error).__name__)
            return key.model_copy(update={"state": CertificateState.UNKNOWN})
        return key

    def _checked(self, name: str, pdf: bytes, *, rehearsal: bool) -> RemoteSigner:
        """The service, after everything that could make it stumble was looked at here: its own answer to a broken PDF is HTTP 500."""
        service = self._service(name)
        if is_rehearsal(pades.open_pdf(pdf)) is not rehearsal or service.rehearsal is not rehearsal:
            raise SigningFault(
                SigningCode.REHEARSAL, "document, service and request must all be a rehearsal's, or none"
            )
        return service

    def _service(self, name: str) -> RemoteSigner:
        try:
            return self._remote[name]
        except KeyError:
            raise SigningFault(SigningCode.CONFIGURATION, f"no remote signing service named {name}") from None

    def _adapter(self, name: str, remote: RemoteSettings, session: aiohttp.ClientSession) -> RemoteSigner:
        if remote.url.startswith("http://") and not remote.plain_http:
            sentence = f"remote.{name}: passphrases would travel in the clear. Fix: https, or plain_http = true in a private VLAN"
            raise SigningFault(SigningCode.CONFIGURATION, sentence)
        password = read_secret(self._settings.at(remote.password_file))
        return BsreSigner(session, remote.url, remote.user, password, rehearsal=remote.rehearsal)


async def _validate(certificate: x509.Certificate | None, services: Services) -> None:
    validator: Any = CertificateValidator(certificate, validation_context=services.context())
    await validator.async_validate_usage(key_usage=set())


def _sealed(given: bytes, signed: bytes, level: Level | None) -> tuple[Sealed, bytes]:
    digest = hashlib.sha256(signed).hexdigest()
    return Sealed(level=level, sha256=digest, size=len(signed), extends=signed.startswith(given)), signed
