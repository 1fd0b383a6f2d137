"""Text for terminals: plans, runs and problems."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from smartroom.protocol.base import Value
from smartroom.protocol.commands import ApplyReport
from smartroom.protocol.errors import Problem
from smartroom.protocol.scenes import Plan, PlanAction, PlanStage, PlanStep
from smartroom.protocol.state import Member

_MARKS = {
    "verified": "✓",
    "skipped": "=",
    "unverified": "?",
    "failed": "✗",
    "overridden": "»",
    "cancelled": "-",
    "waiting": "…",
    "sending": "…",
}


def plan_lines(plan: Plan) -> Iterable[str]:
    """A plan as a table: now -> goal -> bytes -> ms."""
    head = ("property", "now", "goal", "bytes", "ms", "risk")
    groups = [("", plan.steps), *((_stage(stage), stage.actions) for stage in plan.stages)]
    lines = iter(list(table([head, *(_step(step) for _, steps in groups for step in steps)])))
    yield next(lines)
    for title, steps in groups:
        if title:
            yield title
        for _ in steps:
            yield next(lines)
    yield ""
    base = "every present value is unknown (--offline)" if plan.offline else f"from readings at version {plan.base}"
    yield f"{plan.changes} to change, {plan.unchanged} already there, about {plan.expected_ms / 1000:g} s; {base}"
    for broken in plan.violations:
        yield f"! refused by rule {broken.rule}: {broken.text.en or broken.text.id}"
    for step in (*plan.steps, *(action for stage in plan.stages for action in stage.actions)):
        if step.problem:
            yield f"! {step.device}.{step.property}: {problem_line(step.problem)}"


def report_lines(report: ApplyReport) -> Iterable[str]:
    """A finished run: each property with its read-back and time."""
    yield from table(
        [("", "property", "goal", "read back", "ms"), *(_member(member) for member in report.run.members.values())]
    )
    for step in report.run.steps:
        took = f"{step.ended - step.started:.2f} s" if step.started is not None and step.ended is not None else ""
        yield f"step {step.number}  {step.state:<9}  {took:>8}  {step.label.en or step.label.id}"
        if step.problem:
            yield f"! step {step.number}: {problem_line(step.problem)}"
    yield ""
    yield f"{report.run.scene}: {report.run.result} in {(report.run.ended or report.run.started) - report.run.started:.2f} s"
    for member in report.run.members.values():
        if member.problem:
            yield f"! {member.device}.{member.property}: {problem_line(member.problem)}"


def problem_line(problem: Problem) -> str:
    """A problem on one line, with its fix."""
    fix = f" Fix: {problem.fix.en or problem.fix.id}." if problem.fix else ""
    detail = f" ({problem.detail})" if problem.detail else ""
    return f"{problem.text.en or problem.text.id}{detail}.{fix}"


def table(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    """Rows as aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def value(item: Value) -> str:
    """A value as people write it."""
    if item is None:
        return "unknown"
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, str) and item.startswith("{"):
        return _content(item)
    return f"{item:g}" if isinstance(item, float) else str(item)


def _content(text: str) -> str:
    """A wall's content by its kind and what stands largest in it: `welcome "Rombongan Diskominfo"`."""
    try:
        found = json.loads(text)
        said = " ".join(str(found[key]) for key in ("title", "guest", "url") if key in found)
        return f'{found["kind"]} "{said}"' if said else str(found["kind"])
    except (ValueError, KeyError, TypeError):
        return text


def _stage(stage: PlanStage) -> str:
    most = f", at most {stage.longest_ms / 1000:g} s" if stage.longest_ms != stage.expected_ms else ""
    return f"-- step {stage.number}: {stage.label.en or stage.label.id} (about {stage.expected_ms / 1000:g} s{most})"


def _step(step: PlanStep) -> tuple[str, ...]:
    now = value(step.now) if step.now_known or step.now is None else f"{value(step.now)} (old)"
    sent = " ".join(frame.text + "".join(f"<{field}>" for field in frame.fields) for frame in step.bytes)
    if not sent and step.together:
        sent = f"(with {step.together[0]})"
    if step.action is PlanAction.SKIP:
        return (f"{step.device}.{step.property}", now, value(step.goal), "already there", "0", "")
    if step.action is PlanAction.UNAVAILABLE:
        sent = f"not now: {step.problem.code}" if step.problem else "not now"
    risks = [str(risk) for risk in step.risks] + ([] if step.reversible or not step.now_known else ["no way back"])
    return (f"{step.device}.{step.property}", now, value(step.goal), sent, str(step.expected_ms), ", ".join(risks))


def _member(member: Member) -> tuple[str, ...]:
    read = value(member.value) if member.value is not None else "-"
    return (
        _MARKS.get(member.state, " "),
        f"{member.device}.{member.property}",
        value(member.goal),
        read,
        "-" if member.ms is None else str(member.ms),
    )
