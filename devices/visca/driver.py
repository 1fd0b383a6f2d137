"""VISCA driver: one core for a serial chain, Sony's numbered UDP, bare TCP and bare UDP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from devices.sdk.address import Address
from devices.sdk.commands import Act, Command, Frame, Frames, Query, Set
from devices.sdk.driver import Accepted, Desync, Done, Driver, Event, Failed, FollowUp, Learned, Link, Reported
from devices.sdk.errors import BadSetting, Busy, DeviceError, NotSupported, Refused, ReplyTimeout, Superseded
from devices.sdk.framing import DatagramFramer, Framer
from devices.sdk.manifest import Manifest
from devices.sdk.readings import ReadingSource, Value
from devices.sdk.settings import Settings
from devices.visca import motion
from devices.visca import protocol as visca
from devices.visca.motion import Sockets
from devices.visca.presets import HIGHEST, Presets

BARE_UDP_PORT: Final = 1259
"""PTZOptics and clones speak VISCA without Sony's header on this UDP port."""
LOGIN_TRIES: Final = 3
"""A datagram or a chain that is just waking up may lose the first question."""
LOGIN_REPLIES: Final = 8
"""Packets looked at for one login question: each camera of a chain may say its own network change first."""
MAX_STRAYS: Final = 8
"""Completions in a row that fit nothing: some cameras send a spare one now and then, so only a flood of them says that attribution is lost."""
BUFFER_RETRY_S: Final = 0.1
"""Another controller holds both sockets; a short command of its own frees one within a few frames."""
REFUSED_RETRY_S: Final = 1.0
"""Not executable now: standby, waking up, or its menu is open."""


class ViscaDriver(Driver):
    """One camera."""

    def __init__(self, manifest: Manifest, settings: Settings) -> None:
        super().__init__(manifest, settings)
        self.presets = Presets(settings)
        self._camera = settings.integer("address")
        self._numbered = settings.text("header") != "none"
        self._chained = settings.text("addressing") == "on"
        self._sequence = 0
        self.reset()

    def attach(self, address: Address) -> None:
        """Header over UDP except on the port of bare VISCA; chain numbering on a serial port: unless room.yaml says otherwise."""
        if self.settings.text("header") == "auto":
            self._numbered = address.scheme == "udp" and address.port != BARE_UDP_PORT
        if self.settings.text("addressing") == "auto":
            self._chained = address.scheme == "serial"

    # -- connection --

    def framer(self) -> Framer:
        """Sony's datagrams, or packets cut at FF."""
        return DatagramFramer() if self._numbered else visca.PacketFramer(self._camera)

    def reset(self) -> None:
        """Forget sockets and sequence numbers; what was learnt about presets stays."""
        self._sockets = Sockets()
        self._repeated = False
        self._echoes = False
        self._position: tuple[int, int] | None = None
        self._strays = 0

    async def login(self, link: Link) -> None:
        """Sony: RESET the sequence. Chain: number the cameras, clear their buffers; cameras with a fixed address may stay silent to that."""
        if self._numbered:
            self._sequence = 0
            await self._reset_sequence(link)
        elif self._chained:
            assigned = await self._ask(link, visca.ADDRESS_SET, visca.AddressAssigned)
            if isinstance(assigned, visca.AddressAssigned) and assigned.cameras < self._camera:
                message = f"the chain has {assigned.cameras} camera(s), so there is no camera {self._camera}; correct 'address' or the cabling"
                raise BadSetting(message, key="address")
            await self._ask(link, visca.INTERFACE_CLEAR, visca.Cleared)

    def stamp(self, frame: Frame) -> bytes:
        """The next sequence number goes into Sony's header."""
        self._repeated = False
        if not frame.on_wire:
            return frame.payload
        self._sequence = (self._sequence + 1) % visca.SEQUENCE_MODULO
        return visca.datagram(frame.payload[8:], self._sequence)

    def repeat(self, frame: Frame, payload: bytes) -> bytes:
        """A command keeps its number: a sequence error then means that the camera had already heard it. A question is asked anew."""
        if self._numbered and visca.is_inquiry(payload):
            return self.stamp(frame)
        self._repeated = True
        return payload

    def keepalive(self) -> Query | None:
        """Power is answered even in standby. Not where sequence numbers count: a question between a command and its repetition would spoil both."""
        return None if self._numbered else Query("power")

    def snapshot(self) -> tuple[Query, ...]:
        """Asking for the preset reads position and zoom as well."""
        return (Query("power"), Query("preset"))

    def recall(self, key: str, value: Value) -> None:
        """Take back where a preset was stored."""
        number = key.removeprefix("preset.")
        if number.isdigit() and isinstance(value, tuple | list) and len(value) == 3:
            pan, tilt, zoom = value
            self.presets.learn(int(number), (pan, tilt, zoom))

    # -- values to bytes --

    def check(self, name: str, value: Value) -> Value:
        """A preset may be asked for by its name in room.yaml; its value is always the number."""
        if name == "preset" and isinstance(value, str):
            if value not in self.presets.names:
                known = ", ".join(self.presets.names) or "none; list them under `presets` in room.yaml"
                message = f"unknown preset '{value}'; known: {known}"
                raise BadSetting(message, key=name)
            value = self.presets.names[value]
        return super().check(name, value)

    def encode_power(self, *, on: bool) -> Frames:
        """CAM_Power."""
        return self._frames(visca.power(on=on))

    def query_power(self) -> Frames:
        """CAM_PowerInq."""
        return self._frames(visca.ASK_POWER)

    def encode_preset(self, number: int) -> Frames:
        """CAM_Memory Recall."""
        return self._frames(visca.recall(number))

    def query_preset(self) -> Frames:
        """Position and zoom: a camera does not know which preset it is at."""
        return self._frames(visca.ASK_POSITION, visca.ASK_ZOOM)

    def encode_store_preset(self, number: int) -> Frames:
        """CAM_Memory Set, then where that was."""
        if not 0 <= number <= HIGHEST:
            message = f"preset {number} cannot be stored; numbers go from 0 to {HIGHEST}"
            raise BadSetting(message, key="number")
        return self._frames(visca.store(number), visca.ASK_POSITION, visca.ASK_ZOOM)

    def encode_position(self, pan: int, tilt: int) -> Frames:
        """Pan-tiltDrive Absolute."""
        if not all(-0x8000 <= steps <= 0x7FFF for steps in (pan, tilt)):
            message = f"position [{pan}, {tilt}] is outside -32768..32767 steps"
            raise BadSetting(message, key="position")
        return self._frames(visca.absolute(pan, tilt))

    def query_position(self) -> Frames:
        """Pan-tiltPosInq."""
        return self._frames(visca.ASK_POSITION)

    def encode_drive(self, pan: float, tilt: float) -> Frames:
        """Pan-tiltDrive."""
        return self._frames(visca.drive(pan, tilt))

    def encode_home(self) -> Frames:
        """Pan-tiltDrive Home."""
        return self._frames(visca.HOME)

    def encode_zoom(self, steps: int) -> Frames:
        """CAM_Zoom Direct."""
        return self._frames(visca.zoom(steps))

    def query_zoom(self) -> Frames:
        """CAM_ZoomPosInq."""
        return self._frames(visca.ASK_ZOOM)

    def encode_drive_zoom(self, speed: float) -> Frames:
        """CAM_Zoom Tele, Wide or Stop."""
        return self._frames(visca.drive_zoom(speed))

    def encode_action(self, name: str, arguments: Mapping[str, Value]) -> Frames:
        """`stop` head and zoom; `cancel` a socket."""
        if name == "stop":
            return self._frames(visca.drive(0, 0), visca.STOP_ZOOM)
        socket = arguments.get("socket")
        if name == "cancel" and socket in visca.SOCKETS:
            return self._frames(visca.cancel(int(str(socket))))
        message = f"there is no socket {socket} to cancel; a camera has 1 and 2"
        raise NotSupported(message)

    # -- what the session does by itself --

    def preempt(self, command: Command) -> tuple[Command, ...]:
        """Cancel or stop whatever moves the same axes before a new goal."""
        return self._sockets.preempt(command)

    def follow_ups(self, command: Command) -> tuple[FollowUp, ...]:
        """The dead-man stop of a continuous drive."""
        return motion.follow_ups(command, self.settings.number("deadman_s"))

    # -- bytes to events --

    def interpret(self, message: bytes, pending: Command | None) -> Iterable[Event]:
        """Events of one packet or datagram."""
        if not self._numbered:
            return tuple(self._events(visca.parse(message, self._camera), pending, None))
        datagram = visca.parse_datagram(message)
        if datagram is None:
            return ()
        if datagram.kind in {visca.Kind.CONTROL, visca.Kind.CONTROL_REPLY}:
            return tuple(self._control(datagram, pending))
        if datagram.kind != visca.Kind.REPLY or not datagram.payload.endswith(b"\xff"):
            return ()
        packets = datagram.payload.split(b"\xff")[:-1]  # some cameras put acknowledgement and completion into one
        return tuple(event for packet in packets for event in self._numbered_events(packet, datagram.sequence, pending))

    def _numbered_events(self, packet: bytes, sequence: int, pending: Command | None) -> Iterator[Event]:
        reply = visca.parse(packet, self._camera)
        current = sequence == self._sequence
        self._echoes = self._echoes or (current and pending is not None)
        if self._echoes and not current:  # an answer to an earlier question: it must not answer this one
            match reply:
                case visca.Refusal(_, visca.Trouble.CANCELLED):
                    pass  # may bear the number of what was cancelled, and answers our cancel all the same
                case visca.Completed() | visca.Refusal() | visca.NetworkChange():
                    pending = None
                case _:
                    return
        yield from self._events(reply, pending, sequence)

    def _events(self, reply: visca.Reply | None, pending: Command | None, sequence: int | None) -> Iterator[Event]:
        match reply:
            case visca.Acknowledged(socket):
                yield from self._acknowledged(socket, pending, sequence)
            case visca.Completed(socket):
                yield from self._completed(socket, pending, sequence)
            case visca.Refusal(socket, code):
                yield from self._refused(socket, code, pending, sequence)
            case visca.NetworkChange():
                yield from self._network_changed()
            case visca.PowerIs() | visca.PositionIs() | visca.ZoomIs():
                self._strays = 0
                yield from self._answered(reply, pending)

    def _acknowledged(self, socket: int, pending: Command | None, sequence: int | None) -> Iterator[Event]:
        if pending is None or isinstance(pending, Query):
            return  # the acknowledgement of something given up, or said twice
        self._strays = 0
        token = socket if sequence is None else sequence
        if self._sockets.open(token, socket, pending):
            yield Done(token)
        self._begun(pending)
        yield Accepted(token)

    def _completed(self, socket: int, pending: Command | None, sequence: int | None) -> Iterator[Event]:
        token = self._sockets.find(socket, sequence)
        if token is not None:
            self._strays = 0
            self._ended(self._sockets.close(token))
            yield Done(token)
        elif pending is not None and not isinstance(pending, Query):  # without, or before, its acknowledgement
            self._begun(pending)
            self._ended(pending)
            yield Done()
        else:
            self._strays += 1
            if self._strays > MAX_STRAYS:
                yield Desync("completions that fit no command")

    def _refused(self, socket: int, code: int, pending: Command | None, sequence: int | None) -> Iterator[Event]:
        self._strays = 0
        token = self._sockets.find(socket, sequence)
        cancelled = pending.arguments["socket"] if isinstance(pending, Act) and pending.name == "cancel" else None
        if cancelled is not None and code in {visca.Trouble.CANCELLED, visca.Trouble.NO_SOCKET}:
            for key in self._sockets.empty(int(str(cancelled))):
                yield Failed(_trouble(visca.Trouble.CANCELLED), key)
            yield Done()
        elif token is not None and (code == visca.Trouble.CANCELLED or pending is None or isinstance(pending, Query)):
            self._sockets.close(token)
            yield Failed(_trouble(code), token)
        elif pending is not None:
            if code == visca.Trouble.BUFFER_FULL:
                self._sockets.full()
            yield Failed(_trouble(code))

    def _answered(
        self, reply: visca.PowerIs | visca.PositionIs | visca.ZoomIs, pending: Command | None
    ) -> Iterator[Event]:
        source = ReadingSource.QUERY if pending else None
        match reply:
            case visca.PowerIs(None):
                yield Failed(Refused("the camera reports a broken power circuit", device_code="04"))
            case visca.PowerIs(on):
                yield Reported("power", "on" if on else "off", source)
                if not on:
                    self.presets.moved()
                    yield Reported("preset", None, ReadingSource.DERIVED)
            case visca.PositionIs(pan, tilt):
                self._position = (pan, tilt)
                yield Reported("position", (pan, tilt), source)
                if _asks_both(pending):
                    yield Done()
            case visca.ZoomIs(steps):
                yield Reported("zoom", steps, source)
                if _asks_both(pending) and self._position:
                    yield from self._placed((*self._position, steps), pending)
                    self._position = None

    def _placed(self, place: tuple[int, int, int], pending: Command | None) -> Iterator[Event]:
        if isinstance(pending, Act):
            number = int(str(pending.arguments["number"]))
            self.presets.learn(number, place)
            yield Learned(f"preset.{number}", place)
            yield Done()
        else:
            yield self.presets.at(place)

    def _network_changed(self) -> Iterator[Event]:
        """A camera was switched on. A chain must be numbered again; a single camera has lost its sockets."""
        if self._chained:
            yield Desync("network change: the chain must be numbered again")
            return
        for token in self._sockets.empty():
            yield Failed(Busy("the camera was switched on anew", retry_after=REFUSED_RETRY_S), token)

    def _control(self, datagram: visca.Datagram, pending: Command | None) -> Iterator[Event]:
        """Sony: 0F 01 after we repeated ourselves = the camera had heard us the first time; unasked for, its count is not ours."""
        if pending is None or datagram.payload not in {visca.SEQUENCE_ABNORMAL, visca.MESSAGE_ABNORMAL}:
            return
        if datagram.payload == visca.MESSAGE_ABNORMAL:
            yield Failed(Refused("the camera does not understand the message", device_code="0F 02"))
        elif not self._repeated:
            if datagram.sequence == self._sequence or not self._echoes:
                yield Desync("the camera counts other sequence numbers")
        elif isinstance(pending, Query):
            yield Failed(ReplyTimeout("the answer was lost"))
        elif motion.axes(pending) and not motion.drives(pending):  # still moving: its completion bears this number
            self._sockets.open(self._sequence, 0, pending)
            self._begun(pending)
            yield Accepted(self._sequence)
        else:
            self._begun(pending)
            yield Done()

    # -- bookkeeping --

    def _begun(self, command: Command) -> None:
        self._sockets.began(command)
        if isinstance(command, Set) and command.property == "preset":
            self.presets.going_to(int(str(self.check("preset", command.value))))
        elif motion.axes(command) and not motion.stops(command):
            self.presets.moved()

    def _ended(self, command: Command) -> None:
        if isinstance(command, Set) and command.property == "preset":
            self.presets.arrived(int(str(self.check("preset", command.value))))

    def _frames(self, *bodies: bytes) -> Frames:
        packets = (visca.packet(self._camera, body) for body in bodies)
        if not self._numbered:
            return tuple(Frame(packet) for packet in packets)
        return tuple(Frame(visca.datagram(packet, 0), on_wire=("sequence",)) for packet in packets)

    async def _reset_sequence(self, link: Link) -> None:
        for _ in range(LOGIN_TRIES - 1):
            try:
                await self._reset_once(link)
            except ReplyTimeout:
                continue
            return
        await self._reset_once(link)

    async def _reset_once(self, link: Link) -> None:
        await link.send(visca.RESET_SEQUENCE)
        for _ in range(LOGIN_REPLIES):
            datagram = visca.parse_datagram(await link.receive())
            if datagram and datagram.kind == visca.Kind.CONTROL_REPLY and datagram.payload == visca.SEQUENCE_RESET:
                return
        raise ReplyTimeout("the camera answers, but not to RESET")

    async def _ask(self, link: Link, question: bytes, wanted: type[visca.Reply]) -> visca.Reply | None:
        for _ in range(LOGIN_TRIES):
            try:
                await link.send(question)
                for _ in range(LOGIN_REPLIES):
                    reply = visca.parse(await link.receive(), self._camera)
                    if isinstance(reply, wanted):
                        return reply
            except ReplyTimeout:
                continue
        return None


def _asks_both(pending: Command | None) -> bool:
    """True for the commands whose frames ask for position and zoom in one go."""
    return pending == Query("preset") or (isinstance(pending, Act) and pending.name == "store_preset")


def _trouble(code: int) -> DeviceError:
    device_code = f"60 {code:02X}"
    match code:
        case visca.Trouble.BUFFER_FULL:
            return Busy("both sockets of the camera are in use", retry_after=BUFFER_RETRY_S)
        case visca.Trouble.NOT_EXECUTABLE:
            return Busy(
                "the camera cannot do that now (standby, waking up, or its menu is open)", retry_after=REFUSED_RETRY_S
            )
        case visca.Trouble.CANCELLED:
            return Superseded("cancelled for a newer goal")
        case visca.Trouble.LENGTH | visca.Trouble.SYNTAX:
            return NotSupported("the camera does not know this command or value", device_code=device_code)
    return Refused(f"the camera refused with {device_code}", device_code=device_code)
