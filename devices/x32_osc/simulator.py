"""A simulated console: answers questions, takes sets without a word, tells its subscribers what moves. It packs and reads OSC by itself."""

from __future__ import annotations

import struct

from devices.sdk import Value
from devices.sdk.testing import Client, Simulator
from devices.x32_osc.strips import SCENES, addresses

STEPS = 1023
SUBSCRIBED_S = 10.0
"""A console forgets a subscriber that has not renewed /xremote for so long."""
_MODELS = {"x32": ("V2.07", "osc-server", "X32", "4.06"), "xair": ("V0.04", "XR18-5E-91-5A", "XR18", "1.17")}


class X32Simulator(Simulator):
    """A console with the strips of room.yaml. Other strips exist too, for other controllers."""

    def defaults(self) -> dict[str, Value]:
        """Faders at -10 dB, everything on."""
        model = self.settings.text("model")
        self._scene, self._recall, self._first, self._last = SCENES[model]
        strips = addresses(self.settings)
        self._properties = {f"{strip}/fader": f"volume.{name}" for name, strip in strips.items()}
        self._properties |= {f"{strip}/on": f"mute.{name}" for name, strip in strips.items()}
        self._properties[self._scene] = "scene"
        self._others: dict[str, float | int] = {}
        self._subscribers: dict[Client, float] = {}
        self._scenes: dict[int, dict[str, Value]] = {}
        state: dict[str, Value] = {}
        for name in strips:
            state |= {f"volume.{name}": _kept(50.0), f"mute.{name}": False}
        return state | {"scene": self._first, "model": _MODELS[model][2], "firmware": _MODELS[model][3]}

    def disconnected(self, client: Client) -> None:
        """Forget the controller."""
        self._subscribers.pop(client, None)

    def received(self, client: Client, chunk: bytes) -> None:
        """One datagram; what is no message is not answered."""
        try:
            address, argument = _read(chunk)
        except (ValueError, struct.error, IndexError):
            return
        if address == "/xremote":
            self._subscribers[client] = self.clock() + SUBSCRIBED_S
        elif address in ("/info", "/xinfo"):
            client.send(_message(address, *_MODELS[self.settings.text("model")]))
        elif address == "/status":
            client.send(_message("/status", "active", "127.0.0.1", "osc-server"))
        elif address == self._recall:
            if isinstance(argument, int) and self._first <= argument <= self._last and not self.naks():
                self._go(client, argument)
        elif argument is None:
            self._answer(client, address)
        elif not self.naks():  # a console that does not want to says nothing either
            self._take(client, address, argument)

    def announce(self, name: str, value: Value) -> None:
        """A hand on the console is told to every subscriber."""
        for address, known in self._properties.items():
            if known == name:
                self._push(address, but=None)

    # -- carrying out --

    def _answer(self, client: Client, address: str) -> None:
        value = self._value(address)
        if value is not None:
            client.send(_message(address, value))

    def _take(self, client: Client, address: str, argument: float | str) -> None:
        if isinstance(argument, str) or not _exists(address):
            return
        word = address.rpartition("/")[2]
        if word == "fader":
            value: Value = _kept(min(1.0, max(0.0, float(argument))) * 100)
        elif word == "on" and argument in (0, 1):
            value = argument == 0
        else:
            return
        if name := self._properties.get(address):
            self.change(name, value)
        elif not self.faults.lie:
            self._others[address] = (
                float(value) / 100 if word == "fader" and isinstance(value, float) else int(argument)
            )
        self._push(address, but=client)

    def _go(self, client: Client, number: int) -> None:
        self.change("scene", number)
        self._push(self._scene, but=client)

    def _push(self, address: str, *, but: Client | None) -> None:
        """The one that set it hears nothing: it has to ask."""
        value = self._value(address)
        now = self.clock()
        for client, until in list(self._subscribers.items()):
            if until < now:
                del self._subscribers[client]
            elif client is not but and value is not None:
                client.send(_message(address, value))

    def _value(self, address: str) -> float | int | None:
        name = self._properties.get(address)
        if name is None:
            if not _exists(address):
                return None
            return self._others.get(address, 0.5 if address.endswith("/fader") else 1)
        value = self.state[name]
        if name.startswith("mute."):
            return int(value is False)
        if isinstance(value, float):
            return value / 100
        return value if isinstance(value, int) else None


def _kept(percent: float) -> float:
    """A fader's position as the console keeps it: one of 1024."""
    return round(round(percent / 100 * STEPS) / STEPS * 100, 3)


def _exists(address: str) -> bool:
    words = address.split("/")
    return (
        len(words) >= 4
        and words[1] in {"ch", "auxin", "fxrtn", "bus", "mtx", "dca", "main", "lr", "rtn"}
        and words[-1] in {"fader", "on"}
    )


def _read(datagram: bytes) -> tuple[str, float | int | str | None]:
    """Address and first argument."""
    if len(datagram) % 4:
        raise ValueError("not a multiple of four bytes")
    address, _, _ = datagram.partition(b"\0")
    rest = datagram[len(address) + 4 - len(address) % 4 :]
    text = address.decode("ascii")
    if not text.startswith("/"):
        raise ValueError("an address begins with /")
    if not rest or rest[:4] == b",\0\0\0":
        return text, None
    tags, _, _ = rest.partition(b"\0")
    values = rest[len(tags) + 4 - len(tags) % 4 :]
    match tags[:2]:
        case b",f":
            return text, float(struct.unpack(">f", values[:4])[0])
        case b",i":
            return text, int(struct.unpack(">i", values[:4])[0])
        case b",s":
            return text, values.partition(b"\0")[0].decode("ascii")
    raise ValueError("an argument of another type")


def _message(address: str, *arguments: float | str) -> bytes:
    tags, values = ",", b""
    for argument in arguments:
        if isinstance(argument, str):
            tags, values = tags + "s", values + _ended(argument)
        elif isinstance(argument, int):
            tags, values = tags + "i", values + struct.pack(">i", argument)
        else:
            tags, values = tags + "f", values + struct.pack(">f", argument)
    return _ended(address) + _ended(tags) + values


def _ended(text: str) -> bytes:
    """NUL at the end and up to the next multiple of four."""
    raw = text.encode("ascii")
    return raw.ljust(len(raw) + 4 - len(raw) % 4, b"\0")
