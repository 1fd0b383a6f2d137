"""A room's devices from the technician's side: what their drivers say of themselves, how their lines are doing. Reads, never sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, cast

from smartroom.control import clock
from smartroom.control.devices.trace import readable
from smartroom.control.errors import device_problem
from smartroom.protocol.base import Value
from smartroom.protocol.technician import (
    ActionFacts,
    DeviceFacts,
    DeviceHealth,
    LastError,
    PropertyFacts,
    TraceLine,
)

if TYPE_CHECKING:
    from devices.sdk.manifest import PropertySpec
    from smartroom.control.devices.supervisor import Charge, Supervisor

_LATE = 1.5
"""A command is unanswered when nothing came for so many times the family's reply timeout."""


class Bench:
    """Devices with a wire, by id; walls and stages have none and do not appear here."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def facts(self) -> dict[str, DeviceFacts]:
        """What each driver's family says of itself."""
        return {key: _facts(charge) for key, charge in self._supervisor.charges.items()}

    def health(self) -> dict[str, DeviceHealth]:
        """How each line is doing now."""
        offset = clock.wall() - clock.monotonic()
        return {key: _health(charge, offset) for key, charge in self._supervisor.charges.items()}

    def number(self, device: str) -> int:
        """Number of the newest line of a device's trace; 0 without one."""
        charge = self._supervisor.charges.get(device)
        return charge.trace.number if charge else 0

    def began(self, device: str) -> int:
        """The number before the first line of this device's session; 0 without one."""
        charge = self._supervisor.charges.get(device)
        return charge.trace.began if charge else 0

    def lines(self, device: str, since: int = 0) -> list[TraceLine]:
        """Lines of a device's trace after a number; KeyError for a device without a wire."""
        return self._supervisor.charges[device].trace.lines(since)

    def read_at(self, device: str) -> dict[str, float]:
        """Property -> server time of its last reading; KeyError for a device without a wire."""
        charge = self._supervisor.charges[device]
        offset = clock.wall() - clock.monotonic()
        return {name: round(at + offset, 1) for name, at in _ages(charge).items()}


def _ages(charge: Charge) -> Mapping[str, float]:
    found = ((name, charge.session.reading(name)) for name in charge.session.driver.properties())
    return {name: reading.at for name, reading in found if reading is not None}


def _facts(charge: Charge) -> DeviceFacts:
    driver = charge.session.driver
    manifest = driver.manifest
    return DeviceFacts(
        title=manifest.title,
        maker=manifest.maker,
        poll_s=manifest.timing.poll_s,
        reply_timeout_ms=manifest.timing.reply_timeout_ms,
        properties={name: _property(driver.spec(name)) for name in driver.properties()},
        actions={
            name: ActionFacts.model_validate(
                {"arguments": {key: str(kind) for key, kind in spec.arguments.items()}, "help": spec.help}
            )
            for name, spec in manifest.actions.items()
        },
    )


def _property(spec: PropertySpec) -> PropertyFacts:
    return PropertyFacts(
        readable=spec.readable,
        settable=spec.settable,
        risk=spec.risk,
        wears=spec.wears,
        after={
            name: cast("Value", list(value) if isinstance(value, tuple) else value)
            for name, value in spec.after.items()
        },
        max_age_s=spec.max_age_s,
        deadline_ms=spec.deadline_ms,
    )


def _health(charge: Charge, offset: float) -> DeviceHealth:
    session, trace = charge.session, charge.trace
    status, counters = session.status, session.counters
    ages = _ages(charge).values()
    late = session.driver.manifest.timing.reply_timeout_ms / 1000 * _LATE
    overdue = trace.asked if trace.asked is not None and clock.monotonic() - trace.asked.at > late else None
    unanswered = trace.unanswered or overdue
    retry_at = None if status.retry_in is None else status.since + status.retry_in
    return DeviceHealth(
        link=cast('Literal["connecting", "login", "ready", "offline", "refused", "stopped"]', str(status.state)),
        since=round(status.since + offset, 1),
        epoch=status.epoch,
        retry_at=None if retry_at is None else round(retry_at + offset, 1),
        restarts=charge.restarts,
        waiting=session.waiting,
        heard_at=None if trace.heard_at is None else round(trace.heard_at + offset, 1),
        read_at=round(max(ages) + offset, 1) if ages else None,
        median_ms=trace.round_trip_ms(0.5),
        p95_ms=trace.round_trip_ms(0.95),
        sent=counters.sent,
        received=counters.received,
        timeouts=counters.timeouts,
        stray=counters.stray,
        garbage=counters.garbage,
        unanswered=readable(unanswered.payload) if unanswered else "",
        unanswered_since=round(unanswered.at + offset, 1) if unanswered else None,
        unsupported=sorted(session.unsupported),
        last_error=None
        if trace.error is None
        else LastError(at=round(trace.error[0] + offset, 1), problem=device_problem(trace.error[1], charge.device.id)),
    )
