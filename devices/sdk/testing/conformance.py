"""What every driver family must keep, checked against its own simulator over every line it declares.

Used by the tests and by `smartroom drivers check`. Each check is a function that yields what is wrong; nothing found is a pass.
"""

from __future__ import annotations

import ast
import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from devices.sdk.capabilities import CAPABILITIES
from devices.sdk.catalog import Family, load_family
from devices.sdk.commands import Act, Command, Query, Set
from devices.sdk.connection import LinkState
from devices.sdk.document import DocumentError, read_document
from devices.sdk.driver import Desync, Driver, Reported
from devices.sdk.errors import Busy, DeviceError, Refused, ReplyTimeout, Unreachable
from devices.sdk.manifest import PropertySpec, ValueType
from devices.sdk.readings import Reading, Value, matches
from devices.sdk.settings import Settings
from devices.sdk.testing.rig import Rig, required, rig

FILES = ("__init__.py", "protocol.py", "driver.py", "simulator.py", "README.md", "quality.yaml")
RULES: dict[str, str] = {
    "manifest": "bronze",
    "simulator": "bronze",
    "byte-vectors": "bronze",
    "readme": "bronze",
    "read-back": "silver",
    "conversations": "silver",
    "faults": "silver",
    "errors-mapped": "silver",
    "unsolicited": "gold",
    "stateful-test": "gold",
    "independent-simulator": "gold",
    "oracle": "platinum",
    "hardware-sheet": "platinum",
}
"""Rules of `quality.yaml` and the level each belongs to; devices/README.md says what they mean."""
README_WORDS = ("cabling", "port", "quirk", "firmware", "manual")
SURVIVED = (
    "delay=0.05",
    "drop=0.2",
    "drop_ack=0.2",
    "nak=0.3",
    "half",
    "cut=0.2",
    "join",
    "duplicate=2",
    "shuffle",
    "garbage=0.3",
    "lie",
    "reboot=0.1",
    "reset=0.2",
    "idle_close=0.05",
    "silent",
    "warmup=0.1,cooling=0.1",
    "refuse_clients=0",
    "flip=0.02",
)
"""Every fault family; `front_panel` is checked by value."""
SUFFER_S = 0.4
"""How long each fault lasts: several polls and commands."""
AT_ONCE = 6
"""Faults suffered at the same time: mostly they wait."""
FUZZ_ROUNDS = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a family."""

    check: str
    message: str


async def check_driver(folder: Path) -> list[Finding]:
    """Everything that is wrong with the family in a folder; takes some seconds."""
    try:
        family = load_family(folder)
        driver = family.driver(family.manifest, settings_of(family))
        simulator = family.simulator
    except (DocumentError, DeviceError) as error:
        return [Finding("manifest", str(error))]
    found = [*check_capabilities(family, driver), *check_encoding(driver), *check_fuzz(driver)]
    if family.manifest.extends is None:  # a family without code of its own has nothing to look at
        found += [*check_files(family), *check_independence(Path(folder) / "simulator.py")]
        if family.manifest.family != simulator.__module__.split(".")[-2].removeprefix("smartroom_family_"):
            found.append(Finding("manifest", f"family '{family.manifest.family}' and its folder's name differ"))
    found += await check_behaviour(family)
    return found


async def check_behaviour(family: Family) -> list[Finding]:
    """What shows only when driver and simulator run."""
    found: list[Finding] = []
    for wire in wires(family):
        found += [finding async for finding in check_read_back(family, wire)]
    found += await check_faults(family)
    found += [finding async for finding in check_honesty(family)]
    found += [finding async for finding in check_front_panel(family)]
    return found


def wires(family: Family) -> tuple[str, ...]:
    """Lines the family declares that a machine without hardware can offer."""
    return tuple(name for name in ("tcp", "udp", "serial", "wake", "mqtt") if name in family.manifest.transports)


def settings_of(family: Family) -> Settings:
    """Settings with all defaults, and something for what is required."""
    return Settings(family.manifest, required(family.manifest))


def samples(driver: Driver, name: str) -> tuple[Value, ...]:
    """Values a property can be set to, the last one differing from the first; empty when it cannot be set."""
    spec = driver.spec(name)
    if not spec.settable:
        return ()
    match spec.type:
        case ValueType.BOOLEAN:
            return (True, False)
        case ValueType.CHOICE:
            return spec.values[:2]
        case ValueType.INTEGER | ValueType.NUMBER:
            low, high = _range(spec)
            return (low, high) if spec.type is ValueType.INTEGER else (float(low), float(high))
        case ValueType.POSITION:
            return ((0, 0), (100, 50))
        case ValueType.TEXT:
            return ("Ruang A", "Ruang B")
    return ()


# -- what can be seen without running anything --


def check_files(family: Family) -> Iterator[Finding]:
    """The folder holds what every family's folder holds."""
    for name in FILES:
        if not (family.folder / name).is_file():
            yield Finding("files", f"{name} is missing")
    if not list((family.folder / "tests").glob("test_*.py")):
        yield Finding("files", "tests/ holds no tests")
    readme = family.folder / "README.md"
    if readme.is_file():
        text = readme.read_text("utf-8").lower()
        yield from (Finding("readme", f"README.md says nothing of {word}") for word in README_WORDS if word not in text)
    if (family.folder / "quality.yaml").is_file():
        yield from check_quality(family.folder / "quality.yaml")


def check_quality(path: Path) -> Iterator[Finding]:
    """Each rule is done, or exempt with a reason, or open with one."""
    try:
        rules = read_document(path).value
    except DocumentError as error:
        yield Finding("quality", str(error))
        return
    if not isinstance(rules, dict):
        yield Finding("quality", f"{path.name} must map each rule to done, exempt or open")
        return
    yield from (Finding("quality", f"rule '{rule}' is not mentioned") for rule in RULES if rule not in rules)
    yield from (Finding("quality", f"unknown rule '{rule}'") for rule in rules if rule not in RULES)
    for rule, said in rules.items():
        reasoned = (
            isinstance(said, dict)
            and len(said) == 1
            and set(said) <= {"exempt", "open"}
            and all(isinstance(text, str) and text for text in said.values())
        )
        if said != "done" and not reasoned:
            yield Finding("quality", f"rule '{rule}' must be `done`, `exempt: reason` or `open: reason`")


def _reasoned(said: object) -> bool:
    return (
        isinstance(said, dict)
        and len(said) == 1
        and set(said) <= {"exempt", "open"}
        and all(isinstance(text, str) and text for text in said.values())
    )


def check_capabilities(family: Family, driver: Driver) -> Iterator[Finding]:
    """The driver has the methods of each capability its properties belong to."""
    for capability in family.manifest.capabilities:
        if not isinstance(driver, CAPABILITIES[capability]):
            yield Finding(
                "capabilities", f"declares {capability}, but lacks methods of {CAPABILITIES[capability].__name__}"
            )


def check_encoding(driver: Driver) -> Iterator[Finding]:
    """Every property can be said, twice the same; every query too."""
    for name in driver.properties():
        commands: list[Command] = [Set(name, value) for value in samples(driver, name)]
        if driver.spec(name).readable:
            commands.append(Query(name))
        for command in commands:
            try:
                first, second = driver.encode(command), driver.encode(command)
            except DeviceError as error:
                yield Finding("encode", f"{command}: {error}")
                continue
            if not first or not all(frame.payload for frame in first):
                yield Finding("encode", f"{command} becomes no bytes")
            if first != second:
                yield Finding("encode", f"{command} is not pure: {first} and then {second}")


def check_fuzz(driver: Driver) -> Iterator[Finding]:
    """Neither framing nor interpretation raises on anything, and nothing grows."""
    random = Random(1)  # noqa: S311  # repeatable noise
    names = driver.properties()
    pendings: list[Command | None] = [None]
    for name in names[:8]:
        pendings += [Query(name), *(Set(name, value) for value in samples(driver, name))]
    framer = driver.framer()
    seeds = [frame.payload for name in names if driver.spec(name).readable for frame in driver.encode(Query(name))]
    for round_ in range(FUZZ_ROUNDS):
        noise = random.randbytes(random.randrange(1, 200))
        chunk = noise if round_ % 2 else _mutated(random.choice(seeds) if seeds else noise, random)
        try:
            for message in [*framer.feed(chunk), chunk]:
                for pending in pendings:
                    for event in driver.interpret(message, pending):
                        if not isinstance(event, Reported | Desync) and event is None:
                            yield Finding("fuzz", "interpret yields None")
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
            yield Finding("fuzz", f"{chunk[:40]!r}: {type(error).__name__}: {error}")
            return


def check_independence(simulator: Path) -> Iterator[Finding]:
    """The simulator reads the wire by itself: one parser for both ends would hide its own mistakes."""
    if not simulator.is_file():
        return
    for node in ast.walk(ast.parse(simulator.read_text("utf-8"))):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        names = [alias.name for alias in node.names] + ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        if any(name.split(".")[-1] in {"driver", "protocol"} and not name.startswith("devices.sdk") for name in names):
            yield Finding("independence", f"simulator.py line {node.lineno} imports the driver's own words")


# -- what shows only when it runs --


async def check_read_back(family: Family, wire: str) -> AsyncIterator[Finding]:
    """Each settable property reaches each sample by read-back, and the simulator agrees."""
    async with rig(family, wire=wire) as one:
        driver = one.session.driver
        for name in _in_order(driver):
            for value in samples(driver, name) if driver.spec(name).readable else ():
                try:
                    await _meet_conditions(one, driver.spec(name))
                    if driver.spec(name).capability == "presets" and "store_preset" in family.manifest.actions:
                        await one.session.execute(Act("store_preset", {"number": value}))
                    await one.bring(name, value)
                except TimeoutError:
                    yield Finding(
                        "read-back", f"{wire}: {name} never became {value!r}; last {one.session.reading(name)}"
                    )
                except DeviceError as error:
                    if not isinstance(error, Refused):
                        yield Finding("read-back", f"{wire}: {name} = {value!r}: {type(error).__name__}: {error}")
                    elif name not in one.session.unsupported:
                        yield Finding("read-back", f"{wire}: {name} = {value!r} was refused: {error}")
                else:
                    truth = one.simulator.snapshot().get(name) if driver.spec(name).capability != "presets" else None
                    if truth is not None and not matches(truth, value, driver.spec(name).tolerance):
                        yield Finding("read-back", f"{wire}: {name} reads {value!r}, but the device has {truth!r}")


async def check_faults(family: Family) -> list[Finding]:
    """Each fault is survived: the session lives, commands end in time, and afterwards readings tell the truth."""
    found: list[Finding] = []
    for start in range(0, len(SURVIVED), AT_ONCE):
        for part in await asyncio.gather(*(_survives(family, fault) for fault in SURVIVED[start : start + AT_ONCE])):
            found += part
    return found


async def _survives(family: Family, fault: str) -> list[Finding]:
    try:
        async with rig(
            family, wire=wires(family)[0], faults=fault, timing={"reply_timeout_ms": 60, "poll_s": 0.1}
        ) as one:
            await _suffer(one)
            one.calm()
            await one.until(lambda: one.session.status.state is LinkState.READY and not one.simulator.off)
            return [finding async for finding in _truth(one, fault)]
    except TimeoutError:
        return [Finding("faults", f"{fault}: the session does not come back")]
    except ExceptionGroup as group:
        return [Finding("faults", f"{fault}: {group.exceptions[0]!r}")]


async def check_honesty(family: Family) -> AsyncIterator[Finding]:
    """An acknowledgement without a change is not taken for one, and a refusal is told."""
    wire = wires(family)[0]
    async with rig(family, wire=wire) as one:
        driver = one.session.driver
        for name in _in_order(driver):
            spec = driver.spec(name)
            if not spec.readable or spec.capability in {"presets", "pan_tilt", "zoom", "freeze", "status"}:
                continue
            await _meet_conditions(one, spec)
            value = next(
                (value for value in samples(driver, name) if not matches(one.simulator.snapshot().get(name), value)),
                None,
            )
            if value is None:
                continue
            one.simulator.faults.update("lie")
            try:
                await one.session.execute(Set(name, value))
                if (reading := await one.session.read(name)).value == value:
                    yield Finding("honesty", f"{name}: the device lied, the driver believed it: {reading}")
            except DeviceError:
                pass  # a liar that is caught otherwise
            one.calm()
            one.simulator.faults.update("nak=1")
            try:
                await one.session.execute(Set(name, value), timeout=1.0)
                if all(frame.answered for frame in driver.encode(Set(name, value))):
                    yield Finding("honesty", f"{name}: the device refused, the driver did not tell")
            except DeviceError:
                pass
            one.calm()
            return


async def check_front_panel(family: Family) -> AsyncIterator[Finding]:
    """A button pressed at the device is known without anybody asking for it."""
    async with rig(family, wire=wires(family)[0]) as one:
        driver = one.session.driver
        for name in _in_order(driver):
            spec, truth = driver.spec(name), one.simulator.snapshot().get(name)
            value = next((value for value in samples(driver, name) if value != truth), None)
            if value is None or truth is None or not spec.readable or spec.after or name in one.session.unsupported:
                continue
            one.simulator.faults.update(f"front_panel={name}:{_typed(value)}")
            try:
                await one.until(lambda one=one, name=name, value=value: _knows(one, name, value))  # type: ignore[misc]
            except TimeoutError:
                yield Finding(
                    "front-panel",
                    f"{name} = {value!r} at the device was never noticed; last {one.session.reading(name)}",
                )


async def _suffer(one: Rig) -> None:
    """Poll and command for a while; every command ends, well or not."""
    driver = one.session.driver
    names = [name for name in driver.properties() if samples(driver, name) and not driver.spec(name).after][:4]
    until = asyncio.get_running_loop().time() + SUFFER_S
    while asyncio.get_running_loop().time() < until:
        for name in names:
            for value in samples(driver, name):
                try:
                    await one.session.execute(Set(name, value), timeout=1.0)
                except DeviceError:
                    await asyncio.sleep(0.005)


async def _truth(one: Rig, fault: str) -> AsyncIterator[Finding]:
    """Compare what the driver reads with what the device is, where the device can tell it now."""
    driver = one.session.driver
    for name in one.simulator.snapshot():
        if (
            driver.manifest.spec(name) is None
            or not driver.spec(name).readable
            or driver.spec(name).capability == "presets"
        ):
            continue
        state = one.simulator.snapshot()
        if state[name] is None or any(state.get(other) != value for other, value in driver.spec(name).after.items()):
            continue
        try:
            reading = await _patient_read(one, name)
        except (Refused, Busy):
            continue
        except DeviceError as error:
            yield Finding("faults", f"{fault}: afterwards {name}: {type(error).__name__}: {error}")
            return
        truths = (state[name], one.simulator.snapshot().get(name))  # a lamp may be on its way while we ask
        if not any(matches(reading.value, truth, driver.spec(name).tolerance) for truth in truths):
            yield Finding("faults", f"{fault}: afterwards {name} reads {reading.value!r}, the device has {truths[1]!r}")
            return


async def _patient_read(one: Rig, name: str) -> Reading:
    """Read; the fallout of a fault may cost a connection or two yet."""
    for _ in range(3):
        try:
            return await one.session.read(name)
        except (Unreachable, ReplyTimeout):
            await one.reach(LinkState.READY)
    return await one.session.read(name)


async def _meet_conditions(one: Rig, spec: PropertySpec) -> None:
    for name, value in spec.after.items():
        await one.bring(name, value)


def _knows(one: Rig, name: str, value: Value) -> bool:
    reading = one.session.reading(name)
    return reading is not None and matches(reading.value, value, one.session.driver.spec(name).tolerance)


def _typed(value: Value) -> str:
    return (
        "/".join(map(str, value))
        if isinstance(value, tuple)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def _in_order(driver: Driver) -> list[str]:
    """Settable properties: first each family's first channels, those that others need at the end, so that nothing is switched off too early."""
    names = [
        name
        for name in driver.properties()
        if driver.spec(name).settable and not (name.rpartition(".")[2].isdigit() and int(name.rpartition(".")[2]) > 2)
    ]
    needed = {name for item in names for name in driver.spec(item).after}
    return sorted(names, key=lambda name: name in needed)


def _range(spec: PropertySpec) -> tuple[int, int]:
    """The least that is not nothing, and the middle: the very end of a range is not in every model."""
    low = max(1, int(spec.minimum or 0))
    return low, (low + int(spec.maximum)) // 2 if spec.maximum is not None else low + 1


def _mutated(payload: bytes, random: Random) -> bytes:
    changed = bytearray(payload)
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(changed) + 1)
        changed[at : at + random.randrange(3)] = random.randbytes(random.randrange(3))
    return bytes(changed)
