"""People: the one object the web asks who somebody is, and the CLI asks to add them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from smartroom.control.errors import ProblemError, problem
from smartroom.control.identity.actors import Actor
from smartroom.control.identity.codes import digest, same_code, short_code
from smartroom.control.identity.derived import Derived
from smartroom.control.identity.passwords import Passwords, Slowdown, check_strength
from smartroom.control.identity.ports import PeopleRecords, TokenRow, UserRow
from smartroom.control.identity.sessions import Sessions
from smartroom.control.identity.tokens import Tokens
from smartroom.control.limits import SETUP_LIFE_S, SETUP_TRIES
from smartroom.protocol.errors import ErrorCode
from smartroom.protocol.people import ActorKind, ChangeUser, NewUser, Role

_SETUP = "(set-up)"
"""No account can be called this."""


class People:
    """Accounts, sessions, tokens. `load()` before use; `sweep()` every minute."""

    def __init__(self, records: PeopleRecords) -> None:
        self.sessions = Sessions(records)
        self.tokens = Tokens(records)
        self.derived = Derived()
        self.slowdown = Slowdown()
        self._records = records
        self._passwords = Passwords()
        self._users: dict[str, UserRow] = {}
        self._setup: str | None = None
        self._setup_until = 0.0
        self._setup_tries = 0

    async def load(self) -> None:
        """Read accounts, sessions and tokens."""
        self._users = {row.name: row for row in await self._records.users()}
        await self.sessions.load()
        await self.tokens.load()

    async def sweep(self) -> None:
        """Forget what has ended; notice accounts that another program changed: they sign in again."""
        before = dict(self._users)
        stored = {row.name: row for row in await self._records.users()}
        for name, row in before.items():
            if self._users.get(name) is not row:
                continue  # changed here while we read
            fresh = stored.get(name)
            if fresh is None or replace(fresh, last_login=row.last_login) != row:
                await self.sessions.end_user(name)
            if fresh is None:
                self._users.pop(name, None)
            else:
                self._users[name] = fresh
        self._users.update(
            {name: row for name, row in stored.items() if name not in before and name not in self._users}
        )
        await self.sessions.sweep()
        await self.tokens.sweep()

    # -- who is it? --

    def by_cookie(self, secret: str) -> Actor | None:
        """The account behind a session cookie."""
        return self._session_actor(digest(secret))

    async def by_token(self, secret: str) -> Actor | None:
        """The program or screen behind a token."""
        derived = self._derived_actor(digest(secret))
        if derived is not None:
            return derived
        row = await self.tokens.by_secret(secret)
        return _token_actor(row) if row else None

    def again(self, actor: Actor) -> Actor | None:
        """The same actor with today's rights; None when the session or token has ended. No await: presses pass here."""
        if actor.kind is ActorKind.USER:
            return self._session_actor(actor.credential)
        if actor.derived:
            return self._derived_actor(actor.credential)
        row = self.tokens.by_digest(actor.credential)
        return _token_actor(row) if row else None

    def touch(self, actor: Actor) -> None:
        """The actor did something."""
        if actor.kind is ActorKind.USER:
            self.sessions.touch(actor.credential)
        elif actor.known:
            self.tokens.touch(actor.credential)

    # -- signing in --

    async def login(self, name: str, password: str, source: str) -> tuple[Actor, str]:
        """A new session and its cookie; raises ProblemError UNAUTHENTICATED, or RATE_LIMITED after wrong tries."""
        row = await self._prove(name, password, source)
        self._users[row.name] = replace(row, last_login=time.time())
        await self._records.save_user(self._users[row.name])
        secret = await self.sessions.open(row.name, source)
        actor = self.by_cookie(secret)
        assert actor is not None
        return actor, secret

    async def proved(self, name: str, password: str, source: str) -> Actor:
        """Somebody who proves who they are for one deed at somebody else's screen; no session begins. Raises as `login` does."""
        row = await self._prove(name, password, source)
        return Actor(ActorKind.USER, row.name, row.label, row.role, frozenset(row.rooms))

    async def _prove(self, name: str, password: str, source: str) -> UserRow:
        account = name.strip().casefold()
        self._hear(account, source)
        row = await self._records.user(account)
        right = await self._passwords.verify(row.password if row else None, password)
        if not right or row is None or row.disabled:
            self.slowdown.wrong(account, source)
            raise ProblemError(
                problem(ErrorCode.UNAUTHENTICATED, "Nama atau kata sandi salah", "Wrong name or password")
            )
        self.slowdown.right(account, source)
        return row

    # -- first start --

    @property
    def set_up_needed(self) -> bool:
        """True until there is an administrator."""
        return not any(row.role is Role.ADMIN and not row.disabled for row in self._users.values())

    def open_setup(self) -> str | None:
        """A code for the first administrator, to print on the console; None when there is one already."""
        if not self.set_up_needed:
            return None
        self._setup = short_code()
        self._setup_until = time.monotonic() + SETUP_LIFE_S
        self._setup_tries = 0
        return self._setup

    async def set_up(self, code: str, name: str, password: str, source: str) -> None:
        """Add the first administrator; raises ProblemError when the code is wrong, used or too old."""
        self._hear(_SETUP, source)
        check_strength(password, name)
        if self._setup is None or time.monotonic() > self._setup_until or not self.set_up_needed:
            raise ProblemError(
                problem(
                    ErrorCode.EXPIRED,
                    "Kode penyiapan sudah tidak berlaku; nyalakan ulang server untuk kode baru",
                    "The set-up code is no longer valid; restart the server for a new one",
                ),
            )
        if not same_code(code, self._setup):
            self.slowdown.wrong(_SETUP, source)
            self._setup_tries += 1
            if self._setup_tries >= SETUP_TRIES:
                self._setup = None
            raise ProblemError(problem(ErrorCode.UNAUTHENTICATED, "Kode penyiapan salah", "Wrong set-up code"))
        self._setup = None  # before the first await: of two at once, one gets in
        await self.add_user(NewUser(name=name, password=password, role=Role.ADMIN))

    # -- accounts --

    def users(self) -> Sequence[UserRow]:
        """Accounts by name."""
        return sorted(self._users.values(), key=lambda row: row.name)

    async def add_user(self, new: NewUser) -> UserRow:
        """Add an account; raises ProblemError INVALID when the name is taken or the password weak."""
        if new.name in self._users or await self._records.user(new.name):
            raise ProblemError(
                problem(
                    ErrorCode.INVALID,
                    f"Akun {new.name} sudah ada",
                    f"There is an account {new.name} already",
                    name="name",
                )
            )
        row = UserRow(
            name=new.name,
            label=new.label or new.name,
            password=await self._passwords.hash(new.password, new.name),
            role=new.role,
            rooms=tuple(new.rooms),
            created=time.time(),
        )
        await self._records.save_user(row)
        self._users[row.name] = row
        return row

    async def change_user(self, name: str, change: ChangeUser) -> UserRow:
        """Change an account and end its sessions: new rights begin with a new sign-in."""
        row = self._users.get(name)
        if row is None:
            raise _no_account(name)
        asked = change.model_dump(exclude_none=True)
        if "password" in asked:
            asked["password"] = await self._passwords.hash(asked["password"], name)
        if "rooms" in asked:
            asked["rooms"] = tuple(asked["rooms"])
        changed = replace(row, **asked)
        self._keep_an_admin(row, changed)
        await self._records.save_user(changed)
        self._users[name] = changed
        await self.sessions.end_user(name)
        return changed

    async def remove_user(self, name: str) -> None:
        """Remove an account with its sessions."""
        row = self._users.get(name)
        if row is None:
            raise _no_account(name)
        self._keep_an_admin(row, None)
        del self._users[name]
        await self.sessions.end_user(name)
        await self._records.remove_user(name)

    def _keep_an_admin(self, row: UserRow, changed: UserRow | None) -> None:
        if changed is not None and changed.role is Role.ADMIN and not changed.disabled:
            return
        others = (other for other in self._users.values() if other.name != row.name)
        if row.role is Role.ADMIN and not any(other.role is Role.ADMIN and not other.disabled for other in others):
            raise ProblemError(
                problem(ErrorCode.INVALID, "Administrator terakhir tidak dapat dihapus", "The last administrator stays")
            )

    def _derived_actor(self, key: str) -> Actor | None:
        """A derived token holds while its author's rights are what they were."""
        found = self.derived.find(key)
        if found is None:
            return None
        row, author = found
        return replace(_token_actor(row), derived=True) if self.again(author) == author else None

    def _session_actor(self, key: str) -> Actor | None:
        row = self._users.get(self.sessions.user(key) or "")
        if row is None or row.disabled:
            return None
        return Actor(ActorKind.USER, row.name, row.label, row.role, frozenset(row.rooms), key)

    def _hear(self, account: str, source: str) -> None:
        wait = self.slowdown.wait_s(account, source)
        if wait > 0:
            raise ProblemError(
                problem(
                    ErrorCode.RATE_LIMITED,
                    f"Terlalu banyak percobaan; coba lagi dalam {wait:.0f} detik",
                    f"Too many tries; try again in {wait:.0f} s",
                    detail=f"retry_after={wait:.0f}",
                ),
            )


def _token_actor(row: TokenRow) -> Actor:
    return Actor(ActorKind(row.kind), row.id, row.name, row.role, frozenset(row.rooms), row.digest, row.wall)


def _no_account(name: str) -> ProblemError:
    return ProblemError(
        problem(ErrorCode.NOT_FOUND, f"Tidak ada akun {name}", f"There is no account {name}", name="name")
    )
