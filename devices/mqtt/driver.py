"""zigbee2mqtt driver: publishes what shall be, believes what the device then tells of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from devices.mqtt import protocol
from devices.sdk import (
    BadSetting,
    Command,
    DatagramFramer,
    Done,
    Driver,
    Event,
    Failed,
    Frame,
    Framer,
    Frames,
    Link,
    Manifest,
    Query,
    Reported,
    Salvo,
    Set,
    Settings,
    Unreachable,
    Value,
    matches,
)
from devices.sdk.transport.mqtt import CONNECT, MESSAGE, PUBLISH, RETAINED, SUBSCRIBE, chunk, parse_chunk


class MqttDevice(Driver):
    """One light, plug or wall switch."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        self._topic = settings.text("topic")
        if not protocol.is_topic(self._topic):
            raise BadSetting(f"topic is '{self._topic}', but must be like zigbee2mqtt/lampu-depan", key="topic")
        if not settings.boolean("dimmable"):
            rest = {name: spec for name, spec in manifest.properties.items() if name != "level"}
            manifest = manifest.model_copy(update={"properties": rest})
        super().__init__(manifest, settings)
        relays = settings.integer("relays")
        self._gone = False
        self._keys = protocol.state_keys(relays, settings.mapping("channels"))
        for key, number in settings.mapping("channels").items():
            if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= relays:
                raise BadSetting(
                    f"channels: '{key}' is {number!r}, but must be a switch from 1 to {relays}", key="channels"
                )

    # -- connection --

    def framer(self) -> Framer:
        """Each chunk is one message."""
        return DatagramFramer(limit=protocol.MAX_MESSAGE)

    async def login(self, link: Link) -> None:
        """Log in to the broker and listen: to the device, and to what is said of it."""
        await link.send(chunk(CONNECT, self.settings.text("username"), self.settings.text("password")))
        await link.send(chunk(SUBSCRIBE, self._topic))
        await link.send(chunk(SUBSCRIBE, f"{self._topic}/availability"))

    def reset(self) -> None:
        """Nothing is known of the device on a new connection."""
        self._gone = False

    def preempt(self, command: Command) -> tuple[Command, ...]:
        """Told that it is offline, ask the broker whether it still is before anything goes into the void."""
        available = Query("available")
        return (available,) if self._gone and command != available else ()

    # -- values to messages --

    def encode_relay(self, channel: int, *, on: bool) -> Frames:
        """`/set`."""
        return self.encode_relays({channel: on})

    def encode_relays(self, states: Mapping[int, bool]) -> Frames:
        """`/set`, all in one message."""
        return self._publish("set", protocol.switch({self._keys[channel]: on for channel, on in states.items()}))

    def query_relay(self, channel: int) -> Frames:
        """`/get`: the device itself is asked, over the air."""
        return self._publish("get", protocol.ask(self._keys[channel]))

    def encode_level(self, channel: int | None, percent: float) -> Frames:
        """`/set`; a dimmed light is on."""
        del channel
        return self._publish("set", protocol.dim(percent))

    def query_level(self, channel: int | None) -> Frames:
        """`/get`."""
        del channel
        return self._publish("get", protocol.ask("brightness"))

    def query_status(self, name: str) -> Frames:
        """Subscribed again, a broker tells again what it keeps."""
        del name
        return (Frame(chunk(SUBSCRIBE, f"{self._topic}/availability")),)

    # -- messages to values --

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one message. What repeats the pending command only ends it: zigbee2mqtt says so before the device does."""
        verb, topic, payload = parse_chunk(message) or ("", "", b"")
        if topic == f"{self._topic}/availability" and verb in {MESSAGE, RETAINED}:
            return self._availability(protocol.online(payload), pending)
        state = protocol.parse_state(payload) if topic == self._topic and verb == MESSAGE else None
        if state is None:  # a retained state is of some earlier day: the device is asked instead
            return []
        self._gone = False
        values = self._values(state)
        goals = _goals(pending)
        done = bool(goals) and all(
            name in values and matches(values[name], goal, self.spec(name).tolerance) for name, goal in goals.items()
        )
        events: list[Event] = [Done()] if done else []
        # Whatever it says, the device is there.
        told = {name: value for name, value in values.items() if not (done and name in goals)} | {"available": True}
        return events + [Reported(name, value) for name, value in told.items()]

    def _availability(self, online: bool | None, pending: Command | None) -> list[Event]:
        if online is None:
            return []
        self._gone = not online
        events: list[Event] = [Reported("available", online)]
        if not online and pending is not None:
            events.insert(0, Failed(Unreachable(f"zigbee2mqtt says that {self._topic} is offline: power, radio?")))
        return events

    def _values(self, state: Mapping[str, object]) -> dict[str, Value]:
        values: dict[str, Value] = {
            f"relay.{channel}": protocol.closed(state, key) for channel, key in self._keys.items()
        }
        if self.settings.boolean("dimmable"):
            values["level"] = protocol.level(state)
        return {name: value for name, value in values.items() if value is not None}

    def _publish(self, suffix: str, payload: str) -> Frames:
        return (Frame(chunk(PUBLISH, f"{self._topic}/{suffix}", payload)),)


def _goals(pending: Command | None) -> dict[str, Value]:
    match pending:
        case Set(name, value):
            return {name: value}
        case Salvo(sets):
            return {item.property: item.value for item in sets}
        case Query() | None:
            return {}
    return {}
