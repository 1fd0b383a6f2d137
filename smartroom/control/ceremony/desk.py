"""The document's desk: after the last `Selesai` the Berita Acara is drawn, sealed, judged and raised, step by step, and no step twice.

Nobody on stage waits for any of it. What was asked of a service and not answered is never asked again by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from smartroom.control import clock
from smartroom.control.ceremony import archive
from smartroom.control.ceremony.draft import write_whole
from smartroom.control.ceremony.ports import Sealing, Tools
from smartroom.control.ceremony.retention import STROKES, envelope, outline
from smartroom.control.ceremony.session import EMBLEM, Session
from smartroom.control.errors import ProblemError, problem
from smartroom.control.limits import RENEW_S, SIGN_LINK_S, SIGN_LINK_TRIES, SIGN_RETRY_MAX_S, SIGN_RETRY_S
from smartroom.protocol.ceremony import (
    CeremonyStage,
    DocumentStep,
    Legal,
    LegalSignature,
    Retention,
    SignerState,
    SigningTask,
    SignTask,
)
from smartroom.protocol.document import DrawDocument, Drawn, NotDrawn
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.signing import (
    Ask,
    AskKeys,
    Failed,
    Keys,
    Level,
    RemoteCode,
    RemoteSign,
    RemoteState,
    RemoteStatus,
    SealDocument,
    Sealed,
    Secret,
    SigningCode,
    Told,
    UpgradeDocument,
)

_LOG = logging.getLogger(__name__)

_ASK_AGAIN: Final = frozenset({SigningCode.BUSY, SigningCode.UNREACHABLE})
"""Certainly nothing was signed, and it may be otherwise in a minute."""

_UNCERTAIN: Final = frozenset({SigningCode.UNKNOWN_OUTCOME})


@dataclass(slots=True)
class _Link:
    """A one-use way to a signatory's own phone."""

    signatory: int
    until: float
    tries: int = SIGN_LINK_TRIES


class DocumentDesk:
    """`run` takes the document further while the ceremony is on stage; the phone's page asks the rest."""

    def __init__(self, session: Session, tools: Tools) -> None:
        self._session = session
        self._tools = tools
        self._writing = asyncio.Lock()
        self._links: dict[str, _Link] = {}
        self._again = 0.0
        self._pause = SIGN_RETRY_S

    async def run(self, mine: Callable[[], bool]) -> None:
        """Until the ceremony leaves the stage."""
        while mine():
            self._session.wake.clear()
            try:
                moved = await self._step()
            except ProblemError as error:  # the journal cannot be written: it says so itself
                _LOG.warning("document of %s: %s", self._session.id, error)
                moved = False
            except Exception:  # noqa: BLE001  # one document's bug must not take the room with it
                _LOG.exception("document of %s", self._session.id)
                moved = False
                self._later()
            if not moved:
                await self._rest()

    async def settle(self) -> float | None:
        """Everything that can be done now, without waiting; when there will be more, server time, or never."""
        while await self._step():
            pass
        return self._next()

    # -- what anybody may have --

    def file(self, number: int = -1) -> Path | None:
        """A version of the document, the newest by default."""
        files = self._session.story.files
        return self._path(files[number]) if files else None

    # -- the phone --

    def link(self, signatory: int) -> str:
        """A secret for a signatory's own phone, good for a while; an earlier one ends."""
        self._wanted(signatory)
        self._links = {key: each for key, each in self._links.items() if each.signatory != signatory}
        token = secrets.token_urlsafe(24)
        self._links[token] = _Link(signatory, clock.monotonic() + SIGN_LINK_S)
        return token

    def knows(self, token: str) -> bool:
        """Whether it gave out this link."""
        return token in self._links

    def task(self, token: str) -> SigningTask:
        """What the phone shows; raises ProblemError EXPIRED."""
        link = self._find(token)
        text, story = self._session.text, self._session.story
        wanted = self._wanted(link.signatory)
        signatory = text.signatories[link.signatory]
        remote = self._remote
        return SigningTask(
            ceremony=self._session.id,
            rehearsal=self._session.rehearsal,
            number=text.number,
            subject=text.subject,
            place=text.place,
            date=text.date,
            name=signatory.name,
            title=signatory.title,
            document_sha256=story.document.sha256 or "",
            service="remote" if remote else "key",
            service_name=remote or "",
            asks=["signer", "passphrase", "totp"] if remote else ["passphrase"],
            state=wanted.state,
            code=wanted.code,
            until=clock.wall() + link.until - clock.monotonic(),
        )

    async def signer(self, token: str, signer: Secret) -> SignerState:
        """What the service says about this signer's certificate."""
        self._find(token)
        told = await self._ask(RemoteStatus(service=self._need_remote(), signer=signer))
        if isinstance(told, RemoteState):
            return SignerState(state=told.state, said=told.said)
        assert isinstance(told, Failed)
        raise _refused(told)

    async def code(self, token: str, signer: Secret) -> None:
        """Have a one-time code sent to the signer."""
        self._find(token)
        told = await self._ask(RemoteCode(service=self._need_remote(), signer=signer))
        if isinstance(told, Failed):
            raise _refused(told)

    async def sign(self, token: str, wish: SignTask) -> LegalSignature:
        """The signer signs in person. Secrets live in this call and nowhere else."""
        link = self._find(token)
        link.tries -= 1
        number = link.signatory
        async with self._writing:
            wanted = self._wanted(number)
            if wanted.state is Legal.VALID:
                return wanted
            if wanted.code in _UNCERTAIN:
                raise ProblemError(
                    problem(
                        ErrorCode.BLOCKED,
                        "Hasil permintaan sebelumnya belum diketahui; petugas memeriksanya dahulu",
                        "The outcome of the earlier request is not known; somebody looks first",
                    )
                )
            pdf = await self._newest()
            rest = sum(1 for each in self._session.story.document.signatures if each.state is not Legal.VALID) - 1
            how, ask = self._signing(number, wish, further=rest > 0)
            await self._have_signed(number, how, ask, pdf)
        wanted = self._wanted(number)
        if wanted.state is Legal.VALID or link.tries <= 0:
            self._links.pop(token, None)
        return wanted

    async def again(self, signatory: int | None, by: str) -> None:
        """A person has looked: what was uncertain or failed may be asked again."""
        async with self._writing:
            if self._wanted(signatory).state not in (Legal.LATER, Legal.RUNNING):
                raise ProblemError(
                    problem(ErrorCode.BLOCKED, "Tidak ada yang perlu diulang", "Nothing is to be repeated")
                )
            await self._session.record("again", {"signatory": signatory, "by": by})
        self._again = 0.0

    async def adopt(self, signatory: int, pdf: bytes, by: str) -> None:
        """The signed file was found at the service: it is taken when it continues ours and says so to our own judgement."""
        async with self._writing:
            self._wanted(signatory)
            before = await self._newest()
            verdict = await self._tools.confined.judge(pdf)
            if not pdf.startswith(before) or len(pdf) == len(before) or verdict.intact.light != "green":
                raise ProblemError(
                    problem(
                        ErrorCode.INVALID,
                        "Berkas ini bukan lanjutan dokumen kita yang utuh",
                        "This file does not continue our document unchanged",
                        detail=verdict.intact.text.en,
                    )
                )
            await self._keep(signatory, pdf, None, {"by": by})

    # -- steps --

    async def _step(self) -> bool:
        """The next thing to do, if there is one and it is time."""
        story, document = self._session.story, self._session.story.document
        if clock.monotonic() < self._again:
            return False
        if self._may_forget():
            return await self._forget()
        if story.escrow is not None and story.escrow["until"] <= clock.wall():
            (self._session.folder / STROKES).unlink(missing_ok=True)
            await self._session.record("forgotten", {"what": STROKES})
            return True
        if not story.recorded or story.stage is CeremonyStage.VOID:
            return False
        if document.step in (DocumentStep.NONE, DocumentStep.DRAWING, DocumentStep.FAILED):
            return await self._draw()
        seal = next((each for each in document.signatures if each.signatory is None), None)
        if (
            seal is not None
            and seal.state is not Legal.VALID
            and (seal.code in _ASK_AGAIN or not seal.code or _ours(seal))
        ):
            return await self._seal()
        judged = document.verdict is not None and document.verdict.sha256 == document.sha256
        if document.step is DocumentStep.SEALED and not judged:
            return await self._judge()
        if document.legal is Legal.VALID and (self._may_be_raised() or self._renewal() <= clock.wall()):
            return await self._raise()
        return False

    def _next(self) -> float | None:
        """When `_step` will have something to do again by itself."""
        story = self._session.story
        moments = [math.inf]
        if self._again > clock.monotonic():
            moments.append(clock.wall() + self._again - clock.monotonic())
        if story.escrow is not None:
            moments.append(story.escrow["until"])
        if story.document.legal is Legal.VALID and story.stage is not CeremonyStage.VOID:
            moments.append(self._renewal())
        return None if min(moments) == math.inf else min(moments)

    async def _forget(self) -> bool:
        """The outline stays. When somebody has consented, the points are kept for the escrow's key."""
        session, story, rules = self._session, self._session.story, self._tools.rules
        signatures = list(story.ink.signatures.values())
        body: dict[str, Any] = {"outlines": outline(signatures)}
        if story.retention is Retention.ENCRYPTED and rules.escrow is not None:
            points = archive.strokes(session.draft, story)
            sealed, told = await asyncio.to_thread(envelope, points, rules.escrow)
            await asyncio.to_thread(write_whole, session.folder / STROKES, sealed)
            body["escrow"] = {**told, "until": round(clock.wall() + rules.escrow_s)}
        await session.forget(body)
        return True

    async def _draw(self) -> bool:
        session, story = self._session, self._session.story
        keys = await self._keys()
        emblem = await asyncio.to_thread(self._emblem)
        wish = DrawDocument(
            document=session.id,
            text=session.text,
            frozen=session.text.digest(),
            inks=[story.ink.signatures[number].drawn() for number in range(len(story.signatories))],
            emblem=emblem,
            verify_url=self._tools.verify_url(session.id),
            drawn_at=datetime.fromtimestamp(story.signed_at or clock.wall(), UTC),
            journal_head=story.signed_head,
            head_key=keys.head_key if keys else None,
            rehearsal=session.rehearsal,
        )
        told, pdf = await self._tools.confined.draw(wish)
        if isinstance(told, NotDrawn):
            _LOG.error("document of %s: %s", session.id, told.sentence)
            session.not_drawn(told.sentence)
            self._later()
            return False
        assert isinstance(told, Drawn)
        await self._store(pdf, told.sha256)
        wanted = [each.model_dump(mode="json") for each in self._wish()]
        await session.record("drawn", {"sha256": told.sha256, "size": len(pdf), "pages": told.pages, "wanted": wanted})
        self._pause = SIGN_RETRY_S
        return True

    async def _seal(self) -> bool:
        """The agency's seal; at the highest level that is possible now, raised later."""
        rules, session = self._tools.rules, self._session
        key = rules.rehearsal_key if session.rehearsal else rules.seal
        assert key is not None
        others = any(each.signatory is not None for each in session.story.document.signatures)
        level = Level.B_T if others and rules.seal_level is not Level.B_B else rules.seal_level
        async with self._writing:
            pdf = await self._newest()

            def ask(level: Level) -> SealDocument:
                text = session.text
                return SealDocument(
                    key=key,
                    level=level,
                    reason=f"Peresmian {text.subject}"[:200],
                    location=text.place,
                    further=others,
                    rehearsal=session.rehearsal,
                )

            await self._have_signed(None, f"key:{key}", ask(level), pdf)
            seal = self._wanted(None)
            if seal.code is SigningCode.UNREACHABLE and level is not Level.B_B:
                await self._have_signed(None, f"key:{key}", ask(Level.B_B), pdf)
        if self._wanted(None).state is Legal.VALID:
            self._pause = SIGN_RETRY_S
            return True
        self._later()
        return False

    async def _judge(self) -> bool:
        pdf = await self._newest()
        verdict = await self._tools.confined.judge(pdf)
        await self._session.record("verdict", {"verdict": verdict.model_dump(mode="json")})
        if not verdict.passed and not verdict.rehearsal:
            _LOG.error("document of %s: our own verdict is %s", self._session.id, verdict.intact.finding)
        return True

    async def _raise(self) -> bool:
        """To long-term data, while the authority still answers."""
        async with self._writing:
            before = await self._newest()
            level = Level.B_LT if self._tools.rules.seal_level is Level.B_LT else Level.B_LTA
            try:
                told, pdf = await self._need_sealing().ask(UpgradeDocument(level=level), before)
            except ConnectionError as error:
                told, pdf = Failed(code=SigningCode.UNREACHABLE, sentence=str(error)), b""
            if isinstance(told, Sealed) and pdf.startswith(before):
                await self._store(pdf, told.sha256)
                body = {"sha256": told.sha256, "size": told.size, "level": str(level)}
                await self._session.record("upgraded", body)
                return True
            sentence = told.sentence if isinstance(told, Failed) else "the upgrade does not continue the file"
            if self._session.story.document.upgrade != "failed":
                await self._session.record("upgraded", {"sentence": sentence})
        self._later()
        return False

    async def _have_signed(self, signatory: int | None, how: str, ask: Ask, pdf: bytes) -> None:
        """One request: written down before it leaves, its answer afterwards. Whoever reads the first without the second knows nothing."""
        digest = hashlib.sha256(pdf).hexdigest()
        await self._session.record("asked", {"signatory": signatory, "how": how, "sha256": digest})
        try:
            told, signed = await self._need_sealing().ask(ask, pdf)
        except ConnectionError as error:
            told, signed = Failed(code=SigningCode.UNKNOWN_OUTCOME, sentence=str(error)), b""
        if isinstance(told, Sealed) and told.extends and signed.startswith(pdf):
            await self._keep(signatory, signed, told.level, {})
            return
        if isinstance(told, Sealed):
            await asyncio.to_thread(write_whole, self._session.folder / f"rewritten-{told.sha256[:16]}.pdf", signed)
            told = Failed(
                code=SigningCode.REFUSED, sentence="the service has written the file anew; compare before use"
            )
        assert isinstance(told, Failed)
        body = {"signatory": signatory, "code": str(told.code), "sentence": told.sentence[:200]}
        await self._session.record("answered", body)

    async def _keep(self, signatory: int | None, pdf: bytes, level: Level | None, more: dict[str, str]) -> None:
        digest = hashlib.sha256(pdf).hexdigest()
        await self._store(pdf, digest)
        body = {"signatory": signatory, "sha256": digest, "size": len(pdf), "level": str(level) if level else None}
        await self._session.record("answered", body | more)

    def _signing(self, number: int, wish: SignTask, *, further: bool) -> tuple[str, Ask]:
        text, remote = self._session.text, self._remote
        reason, rehearsal = f"Peresmian {text.subject}"[:200], self._session.rehearsal
        if remote:
            if wish.signer is None or (wish.passphrase is None) is (wish.totp is None):
                raise ProblemError(
                    problem(
                        ErrorCode.INVALID,
                        "Isi NIK atau surel, dan frasa sandi atau kode",
                        "Enter signer, and passphrase or code",
                    )
                )
            return f"remote:{remote}", RemoteSign(
                service=remote,
                signer=wish.signer,
                passphrase=wish.passphrase,
                totp=wish.totp,
                reason=reason,
                location=text.place,
                rehearsal=rehearsal,
            )
        key = self._tools.rules.signer_keys[number]
        return f"key:{key}", SealDocument(
            key=key,
            level=Level.B_T,
            passphrase=wish.passphrase,
            reason=reason,
            location=text.place,
            further=further,
            rehearsal=rehearsal,
        )

    # -- small things --

    @property
    def _remote(self) -> str | None:
        rules = self._tools.rules
        return rules.rehearsal_remote if self._session.rehearsal else rules.remote

    def _need_remote(self) -> str:
        if self._remote is None:
            raise ProblemError(
                problem(ErrorCode.CONFIGURATION, "Tidak ada layanan tanda tangan", "No signing service is configured")
            )
        return self._remote

    def _wish(self) -> list[LegalSignature]:
        """Which legal signatures this document is to have, by the house's rules."""
        rules, text = self._tools.rules, self._session.text
        if self._tools.sealing is None:
            return []
        key = rules.rehearsal_key if self._session.rehearsal else rules.seal
        wanted = [LegalSignature(name=text.agency)] if key else []
        for number, signatory in enumerate(text.signatories):
            by_key = not self._session.rehearsal and number < len(rules.signer_keys)
            if self._remote or by_key:
                wanted.append(LegalSignature(signatory=number, name=signatory.name))
        return wanted

    def _wanted(self, signatory: int | None) -> LegalSignature:
        for each in self._session.story.document.signatures:
            if each.signatory == signatory:
                return each
        raise ProblemError(
            problem(
                ErrorCode.BLOCKED,
                "Dokumen belum siap ditandatangani, atau orang ini tidak menandatangani secara elektronik",
                "The document is not ready, or this person signs no document",
            )
        )

    def _find(self, token: str) -> _Link:
        link = self._links.get(token)
        if link is None or clock.monotonic() > link.until or link.tries <= 0:
            raise ProblemError(
                problem(
                    ErrorCode.EXPIRED,
                    "Tautan ini sudah tidak berlaku; minta yang baru",
                    "This link has ended; ask for a new one",
                )
            )
        return link

    def _may_forget(self) -> bool:
        """It is over, and the document has its ink."""
        story = self._session.story
        over = story.stage is CeremonyStage.VOID or (
            story.stage is CeremonyStage.ENDED and story.document.step in (DocumentStep.DRAWN, DocumentStep.SEALED)
        )
        return over and story.outlined_at is None and bool(story.ink.signatures)

    def _renewal(self) -> float:
        """When the document's newest timestamp is to be joined by another."""
        raised, rules = self._session.story.raised_at, self._tools.rules
        return math.inf if raised is None or rules.seal_level is not Level.B_LTA else raised + RENEW_S

    def _may_be_raised(self) -> bool:
        rules, document = self._tools.rules, self._session.story.document
        return (
            document.upgrade != "done"
            and rules.seal_level.rank >= Level.B_LT.rank
            and (document.level is None or document.level.rank < rules.seal_level.rank)
        )

    def _need_sealing(self) -> Sealing:
        if self._tools.sealing is None:
            raise ConnectionResetError("no sealing process is configured")
        return self._tools.sealing

    async def _ask(self, ask: Ask) -> Told:
        try:
            told, _ = await self._need_sealing().ask(ask)
        except ConnectionError as error:
            return Failed(code=SigningCode.UNREACHABLE, sentence=str(error))
        return told

    async def _keys(self) -> Keys | None:
        if self._tools.sealing is None:
            return None
        told = await self._ask(AskKeys())
        return told if isinstance(told, Keys) else None

    async def _newest(self) -> bytes:
        path = self.file()
        if path is None:
            raise ProblemError(problem(ErrorCode.BLOCKED, "Dokumen belum ada", "There is no document yet"))
        return await asyncio.to_thread(path.read_bytes)

    async def _store(self, pdf: bytes, sha256: str) -> None:
        await asyncio.to_thread(write_whole, self._path(sha256), pdf)

    def _path(self, sha256: str) -> Path:
        return self._session.folder / f"document-{sha256[:16]}.pdf"

    def _emblem(self) -> bytes | None:
        return (self._session.folder / EMBLEM).read_bytes() if self._session.text.emblem_sha256 else None

    def _later(self) -> None:
        self._again = clock.monotonic() + self._pause
        self._pause = min(self._pause * 2, SIGN_RETRY_MAX_S)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._session.wake.wait()
        except TimeoutError:
            pass


def _ours(seal: LegalSignature) -> bool:
    """A seal that was asked for when the server ended: a file nobody has, so another may be made."""
    return seal.code in _UNCERTAIN


def _refused(failed: Failed) -> ProblemError:
    code = ErrorCode.UNREACHABLE if failed.code in _ASK_AGAIN else ErrorCode.REFUSED
    return ProblemError(
        problem(
            code,
            "Layanan tanda tangan menolak",
            "The signing service refused",
            detail=f"{failed.code}: {failed.sentence}",
        )
    )
