"""The comparison of calibrations and sets finds what was put into generated answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.certainty import calibration_errors, parted, set_shares
from radiolens.data.manifest import Case
from radiolens.evaluation.link import probabilities
from radiolens.tasks import get_task

CHEST = get_task("chest-xray")
PNEUMONIA = replace(CHEST, labels=CHEST.labels[:1])
MRI = get_task("brain-mri")


def films(rng: np.random.Generator) -> tuple[tuple[Case, ...], np.ndarray, np.ndarray]:
    """Return 1500 easy films, 500 hard ones, their logits, and which show pneumonia."""
    present = rng.random(2000) < 0.5
    sources = np.where(np.arange(2000) < 1500, "easy", "hard")
    centre = np.where(sources == "easy", 4.0, 1.0) * np.where(present, 1, -1)
    cases = tuple(
        Case(f"{number}.png", str(source), patient_id=str(number // 2), labels={"pneumonia": int(value)})
        for number, (source, value) in enumerate(zip(sources, present, strict=True))
    )
    return cases, (rng.normal(centre, 1.5) + 2.0)[:, np.newaxis], present


def test_no_patient_is_in_two_parts(rng: np.random.Generator) -> None:
    cases, _, _ = films(rng)
    parts = parted(cases, 0)
    assert (parts[::2] == parts[1::2]).all()
    assert set(parts.tolist()) == {1, 2, 3, 4, 5}


def test_a_bias_pays_where_the_logits_are_shifted(rng: np.random.Generator) -> None:
    cases, logits, present = films(rng)
    wanted, weights = present[:, np.newaxis].astype(float), np.ones((2000, 1))
    rows = calibration_errors(PNEUMONIA, cases, logits, wanted, weights, parted(cases, 0))
    found = {(method, weighing): np.mean(list(errors.values())) for method, weighing, errors in rows}
    weighing = "cases as they are"
    assert found["temperature and bias", weighing] < 0.7 * found["temperature", weighing]
    # With weights of 1 both weighings are the same.
    assert found["temperature and bias", "sources the same"] == pytest.approx(found["temperature and bias", weighing])


def test_only_sets_for_every_source_cover_the_hard_one(rng: np.random.Generator) -> None:
    cases, logits, _ = films(rng)
    answers = probabilities(logits, 1.0, exclusive=False)
    found = {
        (kind, answer, source): (count, coverage.estimate, single)
        for kind, answer, source, count, coverage, single in set_shares(PNEUMONIA, cases, answers, parted(cases, 0))
    }
    for answer in ("pneumonia absent", "pneumonia present"):
        by_answer, same, every = (
            found[kind, answer, "hard"] for kind in ("by answer", "sources the same", "every source")
        )
        assert by_answer[1] < same[1] < every[1]
        assert every[1] == pytest.approx(0.9, abs=0.06)  # three standard errors of 250 cases
        assert by_answer[1] < 0.85
        assert every[2] < by_answer[2]
        surer = found["every source, confidence 0.9", answer, "hard"]
        assert every[1] < surer[1]
        assert surer[2] < every[2]


def test_exclusive_labels_are_compared_by_the_likeliest(rng: np.random.Generator) -> None:
    truth = np.arange(400) % 4
    cases = tuple(
        Case(f"{number}.png", "web", possible=frozenset({MRI.label_names[label]})) for number, label in enumerate(truth)
    )
    logits = rng.normal(0, 1, (400, 4)) + 2 * np.eye(4)[truth]
    overconfident = 5 * logits
    rows = calibration_errors(MRI, cases, overconfident, np.eye(4)[truth], np.ones(400), parted(cases, 0))
    found = {
        method: errors["likeliest label, web"] for method, weighing, errors in rows if weighing == "cases as they are"
    }
    assert found["temperature"] < 0.5 * found["none"]
    assert set(found) == {"none", "temperature", "temperature and biases"}
