"""A broker as a line: messages in and out, one chunk each, over `aiomqtt` (MQTT 3.1.1).

`mqtt://10.20.0.5:1883`, with `?tls=on` for a certificate the system trusts, `?ca=/path/ca.pem` for one of our own authority.
A chunk is `VERB subject`, a line feed, then a payload: `CONNECT user` with the password, `SUBSCRIBE topic`, `PUBLISH topic`.
What comes is `MESSAGE topic`, or `RETAINED topic` for what the broker had kept from before. The driver's login connects, since addresses
hold no passwords. Publishing ends when the broker has the message, which says nothing of who reads it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

from aiomqtt import Client, MqttCodeError, MqttError

from devices.sdk.address import Address
from devices.sdk.errors import BadSetting, ConfigurationError, Unreachable, WrongPassword
from devices.sdk.transport import tcp

CONNECT = "CONNECT"
SUBSCRIBE = "SUBSCRIBE"
PUBLISH = "PUBLISH"
MESSAGE = "MESSAGE"
RETAINED = "RETAINED"

ACK_LIMIT_S = 2.0
"""A broker on the same network acknowledges within milliseconds; half-open connections are found by TCP within this time anyway."""
KEEPALIVE_S = 5
"""An idle line is asked for life this often; the broker drops us after 1.5 times this."""
MAX_UNREAD = 256
"""Messages held for a reader that is late; newer ones are dropped then."""
_REFUSED_LOGIN = frozenset({4, 5, 134, 135})
"""Bad user name or password, not authorised: codes of version 3.1.1 and of version 5, to which the library translates."""
_SOCKET_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, tcp.KEEPALIVE_IDLE_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, tcp.KEEPALIVE_INTERVAL_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, tcp.KEEPALIVE_COUNT),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, tcp.USER_TIMEOUT_MS),
)

_LIBRARY_LOG = logging.getLogger(f"{__name__}.library")
_LIBRARY_LOG.setLevel(
    logging.CRITICAL
)  # all it has to say reaches us as errors; a broken broker must not fill the log with tracebacks


def chunk(verb: str, subject: str, payload: str | bytes = b"") -> bytes:
    """One chunk."""
    return f"{verb} {subject}\n".encode() + (payload.encode() if isinstance(payload, str) else payload)


def parse_chunk(message: bytes) -> tuple[str, str, bytes] | None:
    """Verb, subject and payload; None when it is none."""
    head, feed, payload = message.partition(b"\n")
    verb, _, subject = head.decode("utf-8", "replace").partition(" ")
    return (verb, subject, payload) if feed else None


async def open(address: Address) -> MqttTransport:  # noqa: A001  # every transport module has `open`
    """Ready to connect; BadSetting when the certificates cannot be read."""
    tls, ca = address.options.get("tls", "off"), address.options.get("ca")
    if tls not in {"on", "off"}:
        raise BadSetting(f"tls={tls} must be on or off", key="at")
    context = None
    if ca or tls == "on":
        try:
            context = await asyncio.to_thread(ssl.create_default_context, cafile=ca)
        except OSError as error:  # SSLError is one
            raise BadSetting(f"ca={ca} cannot be used: {error.strerror or error}", key="at") from error
    return MqttTransport(address, context)


class MqttTransport:
    """One connection to a broker."""

    datagrams = False

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._context = context
        self._client: Client | None = None
        self._closed = False
        self._calls: set[asyncio.Task[None]] = set()

    async def send(self, payload: bytes) -> None:
        """Connect, subscribe or publish, and wait for the broker's word. WrongPassword, ConfigurationError or Unreachable."""
        parsed = parse_chunk(payload)
        if parsed is None or self._closed:
            raise Unreachable(f"{self._address}: the connection is closed")
        verb, subject, body = parsed
        try:
            match verb:
                case "CONNECT":
                    await self._call(self._connect(subject, body.decode()))
                case "SUBSCRIBE":
                    await self._call(self._subscribe(subject))
                case _:
                    await self._call(self._connected.publish(subject, body, qos=1))
        except MqttError as error:
            error.__context__ = None  # it would hold the socket of a failed handshake open
            raise Unreachable(f"{self._address}: {error}") from error

    async def receive(self) -> bytes:
        """Next message; Unreachable when the broker is gone."""
        try:
            message = await anext(self._connected.messages)
        except MqttError as error:
            raise Unreachable(f"{self._address}: {error.__cause__ or error}") from error
        return chunk(RETAINED if message.retain else MESSAGE, message.topic.value, message.payload)

    async def listen(self, hear: Callable[[bytes], None]) -> None:
        """Hand on every message."""
        while True:
            hear(await self.receive())

    def close(self) -> None:
        """Say goodbye without waiting; idempotent."""
        self._closed = True
        for task in self._calls:
            task.cancel()
        self._hang_up()

    def _hang_up(self) -> None:
        """The library's own way out waits for the broker; this says DISCONNECT and closes the socket at once."""
        if self._client is not None:
            self._client._client.disconnect()  # noqa: SLF001

    @property
    def _connected(self) -> Client:
        if self._client is None or self._closed:
            raise Unreachable(f"{self._address}: the connection is closed")
        return self._client

    async def _call(self, call: Coroutine[object, object, None]) -> None:
        """Run one of the library's calls beside us.

        They wait by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes together with the answer: a session would never end.
        """
        task = asyncio.get_running_loop().create_task(call, name=f"{self._address} call")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def _connect(self, username: str, password: str) -> None:
        self._client = _Client(
            self._address.host,
            self._address.port,
            username=username or None,
            password=password or None,
            logger=_LIBRARY_LOG,
            timeout=ACK_LIMIT_S,
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=MAX_UNREAD,
            tls_context=self._context,
            socket_options=_SOCKET_OPTIONS,
        )
        # A broker that hangs up while nobody asks it anything: we shall see it at the next word.
        self._client._disconnected.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # noqa: SLF001
        try:
            await self._client.__aenter__()  # the session closes transports, so there is no block to stand in
        except MqttCodeError as error:
            code = error.rc if isinstance(error.rc, int) or error.rc is None else error.rc.value
            if code in _REFUSED_LOGIN:
                raise WrongPassword(f"{self._address} refuses user '{username}': {error}") from error
            raise
        finally:
            if self._closed:  # meanwhile; a thread of the library may have connected all the same
                self._hang_up()

    async def _subscribe(self, topic: str) -> None:
        granted = await self._connected.subscribe(topic, qos=1)
        for code in granted:
            if (code if isinstance(code, int) else code.value) >= 128:
                raise ConfigurationError(f"{self._address} does not let us read {topic}: see the broker's access list")


class _Client(Client):
    """The library's client, mended where we leave it sooner than it expects."""

    def _on_disconnect(self, *args: Any, **named: Any) -> None:
        """A connecting that was called off is no error of a callback."""
        if not self._connected.cancelled():
            super()._on_disconnect(*args, **named)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        """A socket closed in the same turn of the loop must not be watched: its number may be another's by then."""

        def register() -> None:
            if sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), write)

        def write() -> None:
            try:
                client.loop_write()
            except Exception as error:  # noqa: BLE001  # whatever it is, the line is broken
                if not self._disconnected.done():
                    self._disconnected.set_exception(error)

        self._loop.call_soon_threadsafe(register)
