"""A simulated zigbee2mqtt: a small MQTT 3.1.1 broker with one device behind it.

Reads packets as OASIS "MQTT Version 3.1.1" (2014) demands and hangs up where it demands that; section numbers are those of the standard.
Subscriptions are granted at QoS 0.
"""

from __future__ import annotations

import itertools
import struct
from dataclasses import dataclass, field
from typing import Final

from devices.mqtt.lamp import Lamp
from devices.sdk import Value
from devices.sdk.testing import Client, Simulator
from devices.sdk.testing.clients import MemoryClient
from devices.sdk.transport.mqtt import MESSAGE, RETAINED, parse_chunk
from devices.sdk.transport.mqtt import chunk as transport_chunk

MAX_PACKET: Final = 64 * 1024
CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = range(1, 8)
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = range(8, 15)
_FLAGS: Final = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}
"""Section 2.2.2: all others are 0, PUBLISH has its own."""
_WORN_OUT: Final = 1.5
"""Section 3.1.2.10: a client silent for one and a half times its keep-alive is dropped."""


class _Protocol(Exception):  # what a broker hangs up for is no error of the program
    pass


@dataclass(slots=True)
class _Guest:
    """What the broker knows of one client."""

    unread: bytearray = field(default_factory=bytearray)
    known: bool = False
    filters: set[str] = field(default_factory=set)
    keepalive_s: float = 0.0


class MqttSimulator(Simulator):
    """Broker and device. `lamp` is the device, open to tests; `retained` is what the broker keeps."""

    def defaults(self) -> dict[str, Value]:
        """Off and fully bright, as after power on."""
        self._guests: dict[Client, _Guest] = {}
        self._identifiers = itertools.count(1)
        self.retained: dict[str, bytes] = {}
        relays = self.settings.integer("relays")
        keys = {"state": 1} if relays == 1 else {f"state_l{number}": number for number in range(1, relays + 1)}
        own = {key: number for key, number in self.settings.mapping("channels").items() if isinstance(number, int)}
        self._numbers = {key: number for key, number in keys.items() if number not in own.values()} | own
        self.lamp = Lamp(self._numbers, self._from_lamp, dimmable=self.settings.boolean("dimmable"))
        self.lamp.announce()
        return {}

    def snapshot(self) -> dict[str, Value]:
        """The true state in property names."""
        found: dict[str, Value] = {f"relay.{number}": self.lamp.switches[key] for key, number in self._numbers.items()}
        if self.lamp.brightness is not None:
            found["level"] = self.lamp.brightness * 100 / 254
        return found | {"available": self.lamp.radio}

    def front_panel(self, name: str, value: Value) -> None:
        """A hand on the switch, or the plug pulled out of the wall: the device tells at once."""
        key = next((key for key, number in self._numbers.items() if name == f"relay.{number}"), None)
        if key is not None and isinstance(value, bool):
            self.lamp.switches[key] = value
            self.lamp.tell()
        elif (
            name == "level"
            and self.lamp.brightness is not None
            and isinstance(value, int | float)
            and 1 <= value <= 100
        ):
            self.lamp.brightness = max(1, round(value * 254 / 100))
            self.lamp.tell()
        elif name == "available" and isinstance(value, bool):
            self.lamp.radio = value
            self.lamp.announce()
        else:
            raise ValueError(f"nobody can bring '{name}' to {value!r} by hand at this device")

    def connected(self, client: Client) -> None:
        """A new guest, not introduced yet."""
        self._guests[client] = _Guest()

    def disconnected(self, client: Client) -> None:
        """Gone; clean sessions leave nothing behind."""
        self._guests.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """Carry out each whole packet; hang up on one that breaks the standard."""
        guest = self._guests[client]
        if isinstance(client, MemoryClient):
            self._told(client, guest, chunk)
            return
        guest.unread += chunk
        try:
            while not client.closed and (packet := _take(guest.unread)) is not None:
                self._packet(client, guest, *packet)
        except (_Protocol, struct.error, UnicodeDecodeError, IndexError):
            client.close()

    def _told(self, client: Client, guest: _Guest, message: bytes) -> None:
        """Inside one process there are no packets: chunks as the transport has them."""
        verb, subject, body = parse_chunk(message) or ("", "", b"")
        match verb:
            case "CONNECT":
                wanted = (self.settings.text("username"), self.settings.text("password").encode())
                if wanted[0] and (subject, body) != wanted:
                    client.close()
            case "SUBSCRIBE":
                guest.filters.add(subject)
                for topic, payload in self.retained.items():
                    if _matches(subject, topic):
                        client.send(transport_chunk(RETAINED, topic, payload))
            case "PUBLISH":
                self._obey(subject, body, keep=False)

    # -- packets --

    def _packet(self, client: Client, guest: _Guest, kind: int, flags: int, body: bytes) -> None:
        if guest.known is (kind == CONNECT):  # section 3.1: the first packet, and never again
            raise _Protocol
        if kind != PUBLISH and flags != _FLAGS.get(kind, 0):
            raise _Protocol
        match kind:
            case 1:
                self._introduce(client, guest, body)
            case 3:
                self._published(client, flags, body)
            case 6:
                client.send(_packet(PUBCOMP, body[:2]))
            case 8:
                self._subscribe(client, guest, body)
            case 10:
                for name in _filters(body[2:], with_qos=False):
                    guest.filters.discard(name)
                client.send(_packet(UNSUBACK, body[:2]))
            case 12:
                client.send(_packet(PINGRESP))
            case 14:
                client.close()
            case 4 | 5 | 7:
                return  # nothing we send asks for it
            case _:
                raise _Protocol

    def _introduce(self, client: Client, guest: _Guest, body: bytes) -> None:
        """Section 3.1."""
        name, rest = _text(body)
        level, flags, keepalive = struct.unpack(">BBH", rest[:4])
        if name != "MQTT" or flags & 1:
            raise _Protocol
        _, rest = _text(rest[4:])
        if flags & 4:
            _, rest = _text(rest)
            _, rest = _blob(rest)
        username, rest = _text(rest) if flags & 0x80 else ("", rest)
        password, rest = _blob(rest) if flags & 0x40 else (b"", rest)
        if level != 4:
            client.refuse(_packet(CONNACK, b"\0\1"))
            return
        wanted = (self.settings.text("username"), self.settings.text("password").encode())
        if wanted[0] and (username, password) != wanted:
            client.refuse(_packet(CONNACK, b"\0\4"))
            return
        guest.known, guest.keepalive_s = True, float(keepalive)
        client.send(_packet(CONNACK, b"\0\0"))
        self._watch(client, guest)

    def _watch(self, client: Client, guest: _Guest) -> None:
        if not guest.keepalive_s:
            return
        left = client.heard_at + guest.keepalive_s * _WORN_OUT - self._loop.time()
        if left <= 0:
            client.close()
        else:
            client.later(left, lambda: self._watch(client, guest))

    def _published(self, client: Client, flags: int, body: bytes) -> None:
        """Section 3.3."""
        topic, rest = _text(body)
        quality = flags >> 1 & 3
        if quality == 3 or not topic or set(topic) & set("+#"):
            raise _Protocol
        if quality:
            (number,) = struct.unpack(">H", rest[:2])
            rest = rest[2:]
            client.send(_packet(PUBACK if quality == 1 else PUBREC, struct.pack(">H", number)))
        self._obey(topic, rest, keep=bool(flags & 1))

    def _obey(self, topic: str, rest: bytes, *, keep: bool) -> None:
        self._route(topic, rest, keep=keep)
        own = f"{self.settings.text('topic')}/"
        if topic.startswith(own) and not self.naks():
            self.lamp.lies = self.faults.lie
            self.lamp.heard(topic.removeprefix(own), rest)

    def _subscribe(self, client: Client, guest: _Guest, body: bytes) -> None:
        """Section 3.8; the retained messages follow each time."""
        names = _filters(body[2:], with_qos=True)
        if not names:
            raise _Protocol
        guest.filters.update(names)
        client.send(_packet(SUBACK, body[:2] + bytes(len(names))))
        for topic, payload in self.retained.items():
            if any(_matches(name, topic) for name in names):
                client.send(_publication(topic, payload, retained=True))

    def _from_lamp(self, suffix: str, payload: bytes, keep: bool) -> None:
        topic = self.settings.text("topic")
        self._route(f"{topic}/{suffix}" if suffix else topic, payload, keep=keep)

    def _route(self, topic: str, payload: bytes, *, keep: bool) -> None:
        if keep and payload:
            self.retained[topic] = payload
        elif keep:
            self.retained.pop(topic, None)
        for client, guest in list(self._guests.items()):
            if any(_matches(name, topic) for name in guest.filters):
                inside = isinstance(client, MemoryClient)
                client.send(
                    transport_chunk(MESSAGE, topic, payload) if inside else _publication(topic, payload, retained=False)
                )


def _take(buffer: bytearray) -> tuple[int, int, bytes] | None:
    """Kind, flags and body of the next whole packet (section 2.2)."""
    length = 0
    for at in range(4):
        if len(buffer) < at + 2:
            return None
        length |= (buffer[at + 1] & 0x7F) << 7 * at
        if not buffer[at + 1] & 0x80:
            break
    else:
        raise _Protocol
    if length > MAX_PACKET:
        raise _Protocol
    end = at + 2 + length
    if len(buffer) < end:
        return None
    head, body = buffer[0], bytes(buffer[at + 2 : end])
    del buffer[:end]
    return head >> 4, head & 15, body


def _packet(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    length, encoded = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        encoded.append(digit | 0x80 if length else digit)
        if not length:
            return bytes([kind << 4 | flags]) + bytes(encoded) + body


def _publication(topic: str, payload: bytes, *, retained: bool) -> bytes:
    name = topic.encode()
    return _packet(PUBLISH, struct.pack(">H", len(name)) + name + payload, int(retained))


def _blob(body: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack(">H", body[:2])
    if len(body) < 2 + length:
        raise _Protocol
    return body[2 : 2 + length], body[2 + length :]


def _text(body: bytes) -> tuple[str, bytes]:
    found, rest = _blob(body)
    return found.decode("utf-8"), rest


def _filters(body: bytes, *, with_qos: bool) -> list[str]:
    names: list[str] = []
    while body:
        name, body = _text(body)
        if not name or (with_qos and (not body or body[0] > 2)):
            raise _Protocol
        body = body[1:] if with_qos else body
        names.append(name)
    return names


def _matches(name: str, topic: str) -> bool:
    """Section 4.7."""
    wanted, levels = name.split("/"), topic.split("/")
    for index, part in enumerate(wanted):
        if part == "#":
            return True
        if index >= len(levels) or part not in {"+", levels[index]}:
            return False
    return len(wanted) == len(levels)
