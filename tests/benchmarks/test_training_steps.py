"""The script that times the steps of a training: which of them count."""

from __future__ import annotations

import time

import pytest

from benchmarks.training_steps import FIRST, Steps


def test_the_first_steps_and_what_is_no_step_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    timed = Steps()
    timed.progress("reading the images of the split train", 1, 5)
    for done in range(1, FIRST + 5):
        now += 100.0 if done <= FIRST else 2.0
        timed.progress("epoch 1 of 1", done, FIRST + 4)
    now += 1000.0
    timed.progress("answering", 1, 1)
    assert timed.seconds == 2.0
