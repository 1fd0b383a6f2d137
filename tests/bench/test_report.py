"""The benches' own arithmetic."""

from tests.bench.report import Figure, Report


def test_a_goal_is_met_on_its_bound() -> None:
    """A bound belongs to the goal: exactly 50 ms meets `<= 50 ms`."""
    assert Figure("p99", 50.0, "ms", at_most=50).met
    assert not Figure("p99", 50.1, "ms", at_most=50).met
    assert Figure("rate", 10.0, "Hz", at_least=10).met
    assert not Figure("rate", 9.0, "Hz", at_least=10).met


def test_a_report_fails_with_one_missed_goal_and_says_which() -> None:
    """One missed goal is enough to fail; figures without a goal never count."""
    report = Report("measured here", (Figure("floor", 3.0, "ms"), Figure("p99", 60.0, "ms", at_most=50)))
    assert not report.met
    assert "NOT MET" in report.table().splitlines()[1]
    assert "MET" not in report.table().splitlines()[0]


def test_json_leaves_the_verdict_open_without_a_goal() -> None:
    """A machine reading the record can tell `no goal` from `goal met`."""
    record = Report("measured here", (Figure("floor", 3.0, "ms"),)).as_json()
    assert record["figures"] == [{"name": "floor", "value": 3.0, "unit": "ms", "goal": None, "met": None}]
