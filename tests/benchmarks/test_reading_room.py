"""The load on the work list runs, in a small form; what it says of a machine is measured by hand on an idle one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import reading_room
from benchmarks.reading_room import Film, Load, Sizes, findings, measure, missed
from radiolens.inference.predict import Predictor
from radiolens.safety.gate import Gate

SMALL = Sizes(users=2, each=2, every_s=0.2, batch=3, batches=2)
GOOD = {
    "many users: errors": 0,
    "many users: mix-ups": 0,
    "p95, many over one": 4.0,
    "closed loop over two processes": 0.9,
    "memory after the first batch, MB": 300.0,
    "memory after the last batch, MB": 310.0,
}


@pytest.mark.slow
def test_a_small_load_has_no_error_and_no_mix_up(tmp_path: Path) -> None:
    figures = measure(SMALL, Gate.HEADER, tmp_path / "home")
    assert (figures["one user: answers"], figures["many users: answers"]) == (2, 4)
    assert (figures["many users: errors"], figures["many users: mix-ups"]) == (0, 0)
    assert all(
        value > 0 for name, value in figures.items() if name not in ("many users: errors", "many users: mix-ups")
    )


def test_films_are_different_and_known_with_their_answers() -> None:
    predictor = Predictor.open(threads=1, gate=Gate.HEADER)
    first, second = reading_room.films(2, predictor)
    assert first.data != second.data
    assert [entry["label"] for entry in first.findings] == ["pneumonia", "tuberculosis"]


def test_a_refusal_is_compared_by_its_codes() -> None:
    refused = {"findings": [], "problems": [{"code": "too_dark", "message": "It is dark."}]}
    assert findings(refused) == [{"problem": "too_dark"}]
    assert findings({"findings": Film(b"", [{"label": "x"}]).findings, "problems": []}) == [{"label": "x"}]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, []),
        ({"many users: errors": 1}, ["no error"]),
        ({"many users: mix-ups": 1}, ["no mix-up"]),
        ({"p95, many over one": 5.1}, ["p95 at most 5 times"]),
        ({"closed loop over two processes": 0.7}, ["throughput at least 0.8"]),
        ({"memory after the last batch, MB": 400.0}, ["memory within 40 MB"]),
    ],
)
def test_a_missed_target_is_named(change: dict[str, float], name: list[str]) -> None:
    assert missed({**GOOD, **change}) == name


def test_the_95th_percentile_is_that_of_the_seconds() -> None:
    assert Load(seconds=[1.0] * 99 + [100.0]).p95 == pytest.approx(1.0)
