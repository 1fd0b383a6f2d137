"""Plans as files: a table for people in the comments, the plan itself below for `apply --plan`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from devices.sdk.document import DocumentError, read_document, to_text
from smartroom.commands.output import plan_lines
from smartroom.protocol.scenes import PLAN_FORMAT, Plan


class BadPlan(Exception):
    """A file that is no plan, or is one no more; the sentence names the fix."""


def write_plan(plan: Plan, path: Path) -> None:
    """Write the file. BadPlan when it cannot be written."""
    made = datetime.fromtimestamp(plan.made, UTC).astimezone()
    head = [
        f"What scene '{plan.scene}' would do in {plan.room}, by readings of {made:%Y-%m-%d %H:%M:%S %Z}. Nothing was sent.",
        "",
        *plan_lines(plan),
        "",
        f"smartroom apply --plan {path.name}    does exactly this, or sends nothing and says what has moved since.",
    ]
    comments = "\n".join(f"# {line}".rstrip() for line in head)
    body = to_text({"format": plan.format, **plan.model_dump(mode="json", exclude_defaults=True)})
    try:
        path.write_text(f"{comments}\n{body}")
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}. Fix: name another file with --out"
        raise BadPlan(message) from None


def read_plan(path: Path) -> Plan:
    """Read the file; BadPlan when it is no plan, of another version, or was changed."""
    try:
        found = read_document(path).value
    except DocumentError as error:
        raise BadPlan(str(error)) from None
    anew = "Fix: make it anew with  smartroom plan ROOM SCENE --out FILE"
    if not isinstance(found, dict) or "format" not in found:
        message = f"{path} is no plan. {anew}"
        raise BadPlan(message)
    if found["format"] != PLAN_FORMAT:
        message = f"{path} was made by another version (format {found['format']}, this one reads {PLAN_FORMAT}). {anew}"
        raise BadPlan(message)
    try:
        plan = Plan.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        message = f"{path}: {where}: {first['msg']}: it was changed after it was made. {anew}"
        raise BadPlan(message) from None
    if not plan.intact:
        message = f"{path} was changed after it was made: its digest does not match. {anew}"
        raise BadPlan(message)
    return plan
