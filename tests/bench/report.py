"""What a bench measured: figures with their goals, as a table for people and JSON for machines."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. With neither bound it is told, not judged."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def goal(self) -> str:
        """The goal in words: `<= 50 ms`; empty without one."""
        bounds = (("<=", self.at_most), (">=", self.at_least))
        return ", ".join(f"{sign} {bound:g} {self.unit}" for sign, bound in bounds if bound is not None)

    @property
    def met(self) -> bool:
        """Whether the value lies within its bounds."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What one bench has to say: a sentence on how it measured, and its figures."""

    how: str
    figures: tuple[Figure, ...]

    @property
    def met(self) -> bool:
        """Whether every goal was met."""
        return all(figure.met for figure in self.figures)

    def table(self) -> str:
        """Draw the figures in columns: what, value, goal, verdict."""
        rows = [
            (figure.name, f"{figure.value:,.4g} {figure.unit}", figure.goal, _verdict(figure))
            for figure in self.figures
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
        return "\n".join(f"  {line.rstrip()}" for line in lines)

    def as_json(self) -> dict[str, object]:
        """Give the figures as plain values."""
        return {
            "how": self.how,
            "met": self.met,
            "figures": [
                {
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit,
                    "goal": figure.goal or None,
                    "met": figure.met if figure.goal else None,
                }
                for figure in self.figures
            ],
        }


def _verdict(figure: Figure) -> str:
    if not figure.goal:
        return ""
    return "met" if figure.met else "NOT MET"
