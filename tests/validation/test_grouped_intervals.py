from __future__ import annotations

import numpy as np
import pytest

from radiolens.evaluation.discrimination import auroc
from radiolens.evaluation.intervals import auroc_difference_interval, auroc_interval, share_interval
from radiolens.validation.grouped_intervals import (
    grouped_auroc,
    grouped_auroc_difference,
    grouped_mean,
    grouped_share,
)
from radiolens.validation.plan import Plan

PLAN = Plan(resamples=300)


def test_independent_cases_get_the_formulas(rng: np.random.Generator) -> None:
    truth, scores, others = rng.random(80) < 0.5, rng.random(80), rng.random(80)
    groups = rng.permutation(80)
    assert grouped_share(truth, groups, PLAN) == share_interval(int(truth.sum()), 80)
    assert grouped_auroc(truth, scores, groups, PLAN) == auroc_interval(truth, scores)
    difference = grouped_auroc_difference(truth, scores, others, groups, PLAN)
    assert difference == auroc_difference_interval(truth, scores, others)


def test_cases_of_one_patient_widen_every_interval(rng: np.random.Generator) -> None:
    patients = np.repeat(np.arange(30), 10)
    truth = np.repeat(rng.random(30) < 0.5, 10)
    scores = np.repeat(rng.random(30), 10) + truth * 0.3
    worse = np.repeat(rng.random(30), 10)
    alone = np.arange(300)
    for measure in (
        lambda groups: grouped_share(truth, groups, PLAN),
        lambda groups: grouped_auroc(truth, scores, groups, PLAN),
        lambda groups: grouped_auroc_difference(truth, scores, worse, groups, PLAN),
    ):
        narrow, wide = measure(alone), measure(patients)
        assert narrow.estimate == pytest.approx(wide.estimate)
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
        assert "bootstrap" in wide.method
    assert grouped_auroc(truth, scores, patients, PLAN).estimate == pytest.approx(auroc(truth, scores))


def test_the_mean_covers_its_value(rng: np.random.Generator) -> None:
    covered = 0
    for seed in range(100):
        values = np.repeat(rng.normal(1.0, 1.0, 40), 3) + rng.normal(0, 0.1, 120)
        found = grouped_mean(values, np.repeat(np.arange(40), 3), Plan(seed=seed, resamples=200))
        covered += found.low <= 1.0 <= found.high
    assert 0.94 - 3 * np.sqrt(0.95 * 0.05 / 100) <= covered / 100 <= 1  # 40 groups: a bit narrow


def test_too_few_cases_tell_nothing() -> None:
    truth = np.asarray([True] * 9 + [False] * 50)
    assert np.isnan(grouped_auroc(truth, np.arange(59.0), np.arange(59), PLAN).estimate)
    assert np.isnan(grouped_auroc_difference(truth, np.arange(59.0), np.arange(59.0), np.arange(59), PLAN).estimate)
    assert np.isnan(grouped_mean(np.zeros(0), np.zeros(0, np.intp), PLAN).estimate)
    assert np.isnan(grouped_share(np.zeros(0, bool), np.zeros(0, np.intp), PLAN).estimate)
