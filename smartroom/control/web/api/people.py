"""People by HTTP: set up, sign in, accounts, sessions, tokens, pairing links."""

from __future__ import annotations

from smartroom.control.errors import ProblemError
from smartroom.control.identity.actors import EVERY_ROOM, Actor
from smartroom.control.identity.ports import TokenRow, UserRow
from smartroom.control.identity.rights import TABLE as RIGHTS
from smartroom.control.identity.rights import Action, Resource, may, within
from smartroom.control.identity.sessions import public_id
from smartroom.control.web.presses import check, note
from smartroom.control.web.problems import forbidden, not_found
from smartroom.control.web.routes import Call, Nothing, Reply, route
from smartroom.protocol import PROTOCOL_VERSION
from smartroom.protocol.people import (
    ActorKind,
    ChangeUser,
    DeriveToken,
    Login,
    Me,
    NewPairing,
    NewToken,
    NewUser,
    Paired,
    Pairing,
    Redeem,
    Role,
    Session,
    SetUp,
    Token,
    TokenCreated,
    User,
)

_PAIR_GUARD = "pairing"


async def me(call: Call[Nothing, Nothing]) -> Me:
    """Who the server thinks is asking; answers strangers, too."""
    return _me(call, call.actor)


async def set_up(call: Call[SetUp, Nothing]) -> Reply:
    """Make the first administrator with the code from the console, and sign in."""
    body = call.body
    try:
        await call.house.people.set_up(body.code, body.name, body.password, call.source)
    except ProblemError as error:
        note(call.house, call.actor, "setup", body.name, str(error.problem.code), call.source)
        raise
    return await _signed_in(call, body.name, body.password, "setup")


async def login(call: Call[Login, Nothing]) -> Reply:
    """Sign in with name and password; the answer sets a cookie."""
    old = call.actor
    reply = await _signed_in(call, call.body.name, call.body.password, "login")
    if old.kind is ActorKind.USER:  # a new session for a new sign-in: nobody can plant one beforehand
        await call.house.people.sessions.end(old.credential)
    return reply


async def logout(call: Call[Nothing, Nothing]) -> Reply:
    """Sign out: the session ends here, not only in the browser. A paired screen is paired no longer, a derived token ends."""
    actor = call.actor
    if actor.kind is ActorKind.USER:
        await call.house.people.sessions.end(actor.credential)
    elif actor.kind is ActorKind.DEVICE:
        await call.house.people.tokens.revoke(actor.id)
    elif actor.derived:
        call.house.people.derived.end(actor.credential)
    note(call.house, actor, "logout", actor.id, "ok")
    return Reply(None, sign_out=True)


async def users(call: Call[Nothing, Nothing]) -> list[User]:
    """Accounts."""
    return [_user(row) for row in call.house.people.users()]


async def add_user(call: Call[NewUser, Nothing]) -> User:
    """Add an account."""
    row = await call.house.people.add_user(call.body)
    note(call.house, call.actor, "user.add", row.name, "ok", f"role={row.role}")
    return _user(row)


async def change_user(call: Call[ChangeUser, Nothing]) -> User:
    """Change an account; its sessions end."""
    row = await call.house.people.change_user(call.part("name"), call.body)
    changed = ",".join(call.body.model_dump(exclude_none=True))
    note(call.house, call.actor, "user.change", row.name, "ok", changed)
    return _user(row)


async def remove_user(call: Call[Nothing, Nothing]) -> None:
    """Remove an account; its sessions end."""
    await call.house.people.remove_user(call.part("name"))
    note(call.house, call.actor, "user.remove", call.part("name"), "ok")


async def sessions(call: Call[Nothing, Nothing]) -> list[Session]:
    """Sessions: everybody's own, all for those who may."""
    everything = may(call.actor, Action.SESSION_LIST)
    check(call.actor, Action.SESSION_LIST, Resource(owner=call.actor.id))
    roles = {row.name: row.role for row in call.house.people.users()}
    return [
        Session(
            id=public_id(row.digest),
            user=row.user,
            role=roles.get(row.user, Role.GUEST),
            created=row.created,
            seen=row.seen,
            expires=row.expires,
            source=row.source,
            own=row.digest == call.actor.credential,
        )
        for row in call.house.people.sessions
        if everything or (call.actor.kind is ActorKind.USER and row.user == call.actor.id)
    ]


async def end_session(call: Call[Nothing, Nothing]) -> None:
    """End a session; its sockets are cut within a second."""
    row = call.house.people.sessions.find(call.part("id"))
    own = row is not None and call.actor.kind is ActorKind.USER and row.user == call.actor.id
    check(call.actor, Action.SESSION_REVOKE, Resource(owner=call.actor.id if own else None))
    if row is None:
        raise not_found("Sesi ini tidak ada", "There is no such session")
    await call.house.people.sessions.end(row.digest)
    note(call.house, call.actor, "session.revoke", row.user, "ok")


async def tokens(call: Call[Nothing, Nothing]) -> list[Token]:
    """Tokens of programs and of paired screens."""
    return [_token(row) for row in (*call.house.people.tokens, *call.house.people.derived)]


async def create_token(call: Call[NewToken, Nothing]) -> TokenCreated:
    """A token for a program; its secret is in this answer and nowhere else."""
    body = call.body
    _check_gift(call.actor, Action.TOKEN_CREATE, body.role, body.rooms)
    issued = await call.house.people.tokens.create(body.name, body.role, body.rooms, call.actor.name, days=body.days)
    note(
        call.house,
        call.actor,
        "token.create",
        issued.row.id,
        "ok",
        f"{body.name} role={body.role} rooms={','.join(body.rooms)}",
    )
    return TokenCreated(token=_token(issued.row), secret=issued.secret)


async def derive_token(call: Call[DeriveToken, Nothing]) -> TokenCreated:
    """A token for a script of one's own: no more rights than one's own, at most an hour, ended by POST /logout."""
    body, author = call.body, call.actor
    role = body.role or author.role
    beyond = [room for room in body.rooms if not author.enters(room)]
    if beyond or not within(role, author.role):
        raise forbidden(f"token.derive as {role} in {', '.join(body.rooms)}: more than {author.role}'s own rights")
    issued = call.house.people.derived.create(author, body.name, role, body.rooms, body.seconds)
    what = f"{issued.row.name} role={role} rooms={','.join(body.rooms)} seconds={body.seconds:g}"
    note(call.house, author, "token.derive", issued.row.id, "ok", what)
    return TokenCreated(token=_token(issued.row), secret=issued.secret)


async def revoke_token(call: Call[Nothing, Nothing]) -> None:
    """Take a token away; its sockets are cut within a second."""
    people, wanted = call.house.people, call.part("id")
    derived = next((row for row in people.derived if row.id == wanted), None)
    if derived is not None:
        people.derived.end(derived.digest)
    elif not await people.tokens.revoke(wanted):
        raise not_found("Token ini tidak ada", "There is no such token")
    note(call.house, call.actor, "token.revoke", call.part("id"), "ok")


async def offer_pairing(call: Call[NewPairing, Nothing]) -> Pairing:
    """A one-use link for a tablet or a wall."""
    body = call.body
    _check_gift(call.actor, Action.PAIR, body.role, body.rooms)
    issued = await call.house.people.tokens.offer(body.name, body.role, body.rooms, call.actor.name, wall=body.wall)
    what = f"role={body.role} rooms={','.join(body.rooms)}" + (f" {body.wall}" if body.wall else "")
    note(call.house, call.actor, "pair.offer", body.name, "ok", what)
    return Pairing(
        code=issued.code,
        path=f"/pair/{issued.code}",
        url=f"{call.front.url}/pair/{issued.code}",
        name=body.name,
        role=body.role,
        rooms=list(body.rooms),
        expires=issued.row.expires,
    )


async def redeem(call: Call[Redeem, Nothing]) -> Reply:
    """A screen takes its link: a cookie for a browser, the secret for a program."""
    people = call.house.people
    if people.slowdown.wait_s(_PAIR_GUARD, call.source) > 0:
        raise not_found("Terlalu banyak percobaan; tunggu sebentar", "Too many tries; wait a moment")
    try:
        issued = await people.tokens.redeem(call.body.code)
    except ProblemError:
        people.slowdown.wrong(_PAIR_GUARD, call.source)
        note(call.house, call.actor, "pair.redeem", "-", "refused", call.source)
        raise
    row = issued.row
    note(call.house, call.actor, "pair.redeem", row.id, "ok", f"{row.name} role={row.role} from {call.source}")
    cookie = call.body.deliver == "cookie"
    paired = Paired(token=_token(row), secret=None if cookie else issued.secret, open=_opens(row))
    return Reply(paired, screen=issued.secret if cookie else None)


_API = "/api/v1"

TABLE = (
    route("GET", _API + "/me", Action.ENTER, me, answer=Me),
    route("POST", _API + "/setup", Action.ENTER, set_up, body=SetUp, answer=Me),
    route("POST", _API + "/login", Action.ENTER, login, body=Login, answer=Me),
    route("POST", _API + "/logout", Action.ME, logout, status=204),
    route("GET", _API + "/users", Action.USER_LIST, users, answer=User, many=True),
    route("POST", _API + "/users", Action.USER_CHANGE, add_user, body=NewUser, answer=User, status=201),
    route("PATCH", _API + "/users/{name}", Action.USER_CHANGE, change_user, body=ChangeUser, answer=User),
    route("DELETE", _API + "/users/{name}", Action.USER_CHANGE, remove_user, status=204),
    # Everybody may see and end their own.
    route("GET", _API + "/sessions", Action.SESSION_LIST, sessions, answer=Session, many=True, late=True),
    route("DELETE", _API + "/sessions/{id}", Action.SESSION_REVOKE, end_session, status=204, late=True),
    route("GET", _API + "/tokens", Action.TOKEN_LIST, tokens, answer=Token, many=True),
    route("POST", _API + "/tokens", Action.TOKEN_CREATE, create_token, body=NewToken, answer=TokenCreated, status=201),
    route(
        "POST",
        _API + "/tokens/derive",
        Action.TOKEN_DERIVE,
        derive_token,
        body=DeriveToken,
        answer=TokenCreated,
        status=201,
    ),
    route("DELETE", _API + "/tokens/{id}", Action.TOKEN_REVOKE, revoke_token, status=204),
    route("POST", _API + "/pairings", Action.PAIR, offer_pairing, body=NewPairing, answer=Pairing, status=201),
    route("POST", _API + "/pairings/redeem", Action.ENTER, redeem, body=Redeem, answer=Paired),
)


async def _signed_in(call: Call[SetUp, Nothing] | Call[Login, Nothing], name: str, password: str, deed: str) -> Reply:
    try:
        actor, secret = await call.house.people.login(name, password, call.source)
    except ProblemError as error:
        note(call.house, call.actor, deed, name, str(error.problem.code), call.source)
        raise
    note(call.house, actor, deed, actor.id, "ok", call.source)
    return Reply(_me(call, actor), session=secret)


def _me(call: Call[Nothing, Nothing] | Call[SetUp, Nothing] | Call[Login, Nothing], actor: Actor) -> Me:
    return Me(
        kind=actor.kind,
        id=actor.id,
        name=actor.name,
        role=actor.role,
        rooms=sorted(actor.rooms),
        actions=sorted(str(action) for action in RIGHTS[actor.role] if may(actor, action)),
        set_up_needed=call.house.people.set_up_needed,
        protocol=PROTOCOL_VERSION,
        build=call.front.build,
    )


def _check_gift(actor: Actor, action: Action, role: Role, rooms: list[str]) -> None:
    """Nobody hands on a right they may not hand on, nor one for rooms beyond their own."""
    check(actor, action, Resource(role=role))
    for room in rooms:
        if not actor.enters(room) and EVERY_ROOM not in actor.rooms:
            raise forbidden(f"{action} in {room}")


def _user(row: UserRow) -> User:
    return User(
        name=row.name,
        label=row.label,
        role=row.role,
        rooms=list(row.rooms),
        disabled=row.disabled,
        created=row.created,
        last_login=row.last_login,
    )


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        kind="device" if row.kind == ActorKind.DEVICE else "token",
        name=row.name,
        role=row.role,
        rooms=list(row.rooms),
        created=row.created,
        created_by=row.created_by,
        expires=row.expires,
        last_seen=row.last_seen,
        wall=row.wall,
    )


def _opens(row: TokenRow) -> str:
    if row.wall is not None:
        return f"/wall/{row.wall.partition('.')[2]}"
    room = row.rooms[0] if len(row.rooms) == 1 else EVERY_ROOM
    if row.role is Role.SIGNER:
        return "/pad" if room == EVERY_ROOM else f"/pad/{room}"
    return "/" if room == EVERY_ROOM else f"/panel/{room}"
