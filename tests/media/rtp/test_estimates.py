"""Bandwidth estimate and loudest speakers, on simulated paths: no clock, no sleeping."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartroom.media.rtp.bandwidth import MINIMUM, Estimator
from smartroom.media.rtp.speaker import Level, Loudest


class Path:
    """A bottleneck with a queue: sends at the estimate, feeds back every 100 ms; `calm` = whole feedbacks where they may be."""

    def __init__(self, capacity: float, *, calm: bool = True) -> None:
        self.capacity = capacity
        self.calm = calm
        self.whole = self.single = 0  # feedbacks taken in at once, and packet by packet
        self.estimator = Estimator(300_000)
        self.now = 100.0
        self._free = 0.0

    def run(self, seconds: float, loss: float = 0.0, *, probe: bool = False) -> None:
        """Send for a while; `probe` sends one cluster first."""
        end = self.now + seconds
        count = 0
        if probe:
            self._feedback(2 * self.estimator.rate, 0.05, loss, probe=1)
        while self.now < end:
            self._feedback(self.estimator.rate, 0.1, loss)
            count += 1

    def _feedback(self, rate: float, span: float, loss: float, probe: int = 0) -> None:
        packets = max(2, int(rate * span / 9600))
        samples = []
        for i in range(packets):
            sent = self.now + i * span / packets
            self._free = max(self._free, sent) + 9600 / self.capacity
            lost = self._free - sent > 0.3 or (loss and i % round(1 / loss) == 0)
            if self._free - sent > 0.3:
                self._free -= 9600 / self.capacity
            samples.append((sent, None if lost else self._free + 0.01, 1200, probe))
        self.now += span
        arrived = [sample[1] for sample in samples]
        if (
            self.calm
            and None not in arrived
            and not probe
            and self.estimator.steady(
                (samples[0][0], samples[-1][0]), arrived[-1] or 0, len(samples), 1200 * len(samples), self.now
            )
        ):
            self.whole += 1
            return
        self.single += 1
        self.estimator.feedback(samples, self.now)


@pytest.mark.parametrize("calm", [True, False])
def test_the_estimate_settles_at_the_path_and_follows_it(*, calm: bool) -> None:
    """3 -> 0.8 -> 3 Mbit/s: down within two seconds, up within ten with probes; a quick look decides like a close one."""
    path = Path(3_000_000, calm=calm)
    for _ in range(20):
        path.run(1, probe=not path.estimator.overused)
    assert 1_800_000 < path.estimator.rate < 3_600_000
    path.capacity = 800_000
    path.run(2)
    assert path.estimator.rate < 900_000
    path.run(5)
    assert path.estimator.rate > 400_000
    path.capacity = 3_000_000
    for _ in range(5):
        path.run(2, probe=not path.estimator.overused)
    assert path.estimator.rate > 1_700_000


def test_heavy_loss_lowers_the_estimate() -> None:
    """A quarter of all packets lost: the rate goes down, never under the minimum."""
    path = Path(50_000_000)
    path.run(2)
    before = path.estimator.rate
    path.run(5, loss=0.25)
    assert MINIMUM <= path.estimator.rate < before


@given(
    st.lists(
        st.tuples(st.floats(0, 5), st.one_of(st.none(), st.floats(0, 6)), st.integers(0, 1500)),
        max_size=60,
    )
)
def test_any_feedback_leaves_a_sane_rate(samples: list[tuple[float, float | None, int]]) -> None:
    """Impossible times and sizes never break the estimator."""
    estimator = Estimator()
    for round_ in range(3):
        estimator.feedback([(*sample, 1) for sample in samples], 6.0 + round_)
    assert MINIMUM <= estimator.rate <= 50_000_000


def test_the_loudest_keep_their_place_against_noise() -> None:
    """A newcomer needs six decibels and the holder's one and a half seconds."""
    loudest = Loudest(2)
    assert loudest.update({"a": -30.0, "b": -40.0}, 0.0)
    assert not loudest.update({"a": -30.0, "b": -40.0, "c": -36.0}, 5.0)
    assert not loudest.update({"a": -30.0, "b": -40.0, "c": -20.0}, 1.0)
    assert loudest.update({"a": -30.0, "b": -40.0, "c": -20.0}, 5.0)
    assert set(loudest.keys) == {"a", "c"}
    assert loudest.update({"a": -30.0, "b": -90.0, "c": -20.0}, 6.0, frozenset({"b"}))
    assert "b" in loudest.keys


def test_a_level_rises_fast_and_falls_slowly() -> None:
    """Speech is heard within a few packets and a pause does not end it."""
    level = Level()
    now = 0.0
    for _ in range(10):
        level.hear(20, now)
        now += 0.02
    assert level.value(now) > -30
    for _ in range(10):
        level.hear(127, now)
        now += 0.02
    assert level.value(now) > -70
    assert level.value(now + 3) == -127
