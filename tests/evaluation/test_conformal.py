"""Prediction sets against crepes, against examples worked by hand, and by simulated coverage."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from crepes import WrapClassifier
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from radiolens.evaluation.conformal import (
    LARGE_SOURCE,
    WHOLE_SOURCE,
    ConformalSets,
    answers_of,
    highest_left_out,
    p_values,
)
from radiolens.prediction import Presence

PRESENT, ABSENT = Presence.PRESENT, Presence.ABSENT
NAMES = ("glioma", "meningioma", "pituitary", "no_tumour")


class Answered:
    """A classifier of scikit-learn's kind that gives the probabilities it is asked with."""

    def __init__(self, count: int) -> None:
        self.classes_ = np.arange(count)

    def predict_proba(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return probabilities


def softmax_cases(random: np.random.Generator, count: int, labels: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return probabilities (n, labels), rounded so that ties are common, and the true label (n,)."""
    truth = random.integers(labels, size=count)
    powers = np.exp(random.normal(0, 1, (count, labels)) + 1.5 * np.eye(labels)[truth])
    return np.round(powers / powers.sum(axis=1, keepdims=True), 2), truth


def of_exclusive(
    probabilities: NDArray[np.float64], truth: NDArray[np.intp], sources: list[str] | None = None
) -> ConformalSets:
    names = NAMES[: probabilities.shape[1]]
    known = np.eye(len(names), dtype=bool)[truth]
    return ConformalSets.calibrated(names, probabilities, known, sources or ["one"] * len(truth), exclusive=True)


def of_finding(probabilities: list[float], present: list[int], sources: list[str] | None = None) -> ConformalSets:
    there = np.asarray(present, bool)
    return ConformalSets.calibrated(
        ("pneumonia",),
        np.asarray(probabilities)[:, np.newaxis],
        np.stack([~there, there], axis=1),
        sources or ["one"] * len(present),
        exclusive=False,
    )


# 19, 49 and 69 cases of a class make a p-value of exactly 0.1 possible, where crepes keeps an answer and this does not.
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "labels"), [(57, 2), (203, 4), (900, 4)])
def test_the_sets_of_exclusive_labels_are_those_of_crepes(seed: int, count: int, labels: int) -> None:
    random = np.random.default_rng(seed)
    calibration, truth = softmax_cases(random, count, labels)
    asked, _ = softmax_cases(random, 400, labels)
    theirs = WrapClassifier(Answered(labels))
    theirs.calibrate(calibration, truth, class_cond=True)
    expected = theirs.predict_p(asked, smoothing=False)
    ours = of_exclusive(calibration, truth)
    assert ours.p_values(asked) == pytest.approx(np.asarray(expected))
    listed = theirs.predict_set(asked, confidence=0.9, smoothing=False)
    sets = np.asarray([[label in members for label in range(labels)] for members in listed])
    on_the_edge = np.isclose(expected, 0.1)
    assert (ours.included(asked) == (sets & ~on_the_edge)).all()
    assert 0 < sets.sum() < sets.size


@pytest.mark.parametrize("seed", range(5))
def test_a_finding_has_the_sets_that_crepes_gives_its_two_answers(seed: int) -> None:
    random = np.random.default_rng(seed)
    present = random.random(203) < 0.4
    share = np.round(1 / (1 + np.exp(-random.normal(2 * present - 1, 1))), 2)
    theirs = WrapClassifier(Answered(2))
    theirs.calibrate(np.stack([1 - share, share], axis=1), present.astype(int), class_cond=True)
    asked = np.linspace(0, 1, 101)
    expected = theirs.predict_p(np.stack([1 - asked, asked], axis=1), smoothing=False)
    ours = of_finding(share.tolist(), present.tolist())
    assert ours.answers == (("pneumonia", ABSENT), ("pneumonia", PRESENT))
    assert ours.p_values(asked[:, np.newaxis]) == pytest.approx(np.asarray(expected))


def test_a_p_value_counts_the_scores_that_are_no_higher_and_itself() -> None:
    assert p_values([0.2, 0.4, 0.4, 0.9], [0.1, 0.2, 0.4, 1.0]).tolist() == [1 / 5, 2 / 5, 4 / 5, 1.0]
    assert p_values([], [0.3]).tolist() == [1.0]


def test_images_of_a_patient_share_its_weight() -> None:
    scores, patients = [0.2, 0.4, 0.4, 0.9], [1, 1, 2, 3]
    # Of patient 1 one of two images scores at most 0.2, of patient 2 and 3 none: (1/2 + 1) / (3 + 1).
    found = p_values(scores, [0.1, 0.2, 0.4, 1.0], patients)
    assert found.tolist() == [1 / 4, 1.5 / 4, 3 / 4, 1.0]
    np.testing.assert_array_equal(p_values(scores, [0.3, 0.4], [7, 8, 9, 10]), p_values(scores, [0.3, 0.4]))


def test_sets_hold_the_answer_for_an_image_of_a_new_patient_where_images_are_alike(rng: np.random.Generator) -> None:
    # 14 patients of ten images that are nearly the same: to count 140 images would promise too much.
    def held(by_patient: bool) -> float:
        shares = []
        for _ in range(3000):
            own = rng.normal(0, 1.0, 15)
            scores = 1 / (1 + np.exp(-rng.normal(np.repeat(own, 10), 0.001)))
            patients = np.repeat(np.arange(15), 10)
            known = p_values(scores[:140], scores[140:], patients[:140] if by_patient else None)
            shares.append(float((known > 0.1).mean()))
        return float(np.mean(shares))

    error = 3 * (0.09 / 3000) ** 0.5  # of 3000 patients
    assert held(by_patient=True) >= 0.9 - error
    assert held(by_patient=False) < 0.9 - error


def test_a_source_counts_the_patients_of_its_own(rng: np.random.Generator) -> None:
    probabilities, patients = rng.random((300, 1)), np.repeat(np.arange(30), 10)
    truth = np.stack([np.zeros(300, bool), np.ones(300, bool)], axis=1)
    sources = ["one"] * 200 + ["two"] * 100
    known = ConformalSets.calibrated(
        ("pneumonia",), probabilities, truth, sources, exclusive=False, patients=patients.tolist()
    )
    asked = rng.random((50, 1))
    parts = [np.arange(300), np.arange(200), np.arange(200, 300)]
    expected = np.max([p_values(probabilities[rows, 0], asked[:, 0], patients[rows]) for rows in parts], axis=0)
    np.testing.assert_allclose(known.p_values(asked)[:, 1], expected)


@pytest.mark.parametrize("patients", [0, 5, 19, 69, 205, 3000])
@pytest.mark.parametrize("confidence", [0.3, 0.7, 0.9])
def test_with_a_confidence_fewer_are_left_out_as_the_binomial_tail_says(patients: int, confidence: float) -> None:
    # The most k with P(at least k of the patients below the true tenth) >= confidence.
    known = max(k for k in range(patients + 1) if k == 0 or binom.sf(k - 1, patients, 0.1) >= confidence)
    expected = min(0.1, known / (patients + 1))
    assert highest_left_out(patients, 0.9, confidence) == pytest.approx(expected, abs=1e-12)
    assert highest_left_out(patients, 0.9, 0.0) == pytest.approx(0.1)
    assert highest_left_out(patients, 0.9, 1.0) == 0.0  # nothing is sure, so nothing is left out


def test_with_a_confidence_so_many_draws_of_calibration_cases_keep_the_promise(rng: np.random.Generator) -> None:
    # Scores are uniform, so the lowest that a set still holds tells its coverage exactly.
    grid, draws = np.linspace(0, 1, 1001)[:, np.newaxis], 600
    kept = {}
    for confidence in (0.0, 0.7):
        coverages = []
        for _ in range(draws):
            known = ConformalSets.calibrated(
                ("pneumonia",),
                rng.random((60, 1)),
                np.stack([np.zeros(60, bool), np.ones(60, bool)], axis=1),
                ["one"] * 60,
                exclusive=False,
                confidence=confidence,
            )
            coverages.append(float(known.included(grid)[:, 1].mean()))
        kept[confidence] = np.mean(np.asarray(coverages) >= 0.9 - 1e-3)
        assert np.mean(coverages) >= 0.9 - 0.005
    error = 3 * (0.7 * 0.3 / draws) ** 0.5
    assert kept[0.7] >= 0.7 - error
    assert kept[0.0] < 0.7 - error


def test_an_answer_is_left_out_where_at_most_one_in_ten_of_its_cases_scored_so_low() -> None:
    # Nine present cases: below all of them the p-value is 1/10, which is not above 1 - 0.9.
    nine = of_finding([0.1 * step for step in range(1, 10)] + [0.0] * 9, [1] * 9 + [0] * 9)
    assert nine.included(np.asarray([[0.05], [0.1]]))[:, 1].tolist() == [False, True]
    # Of eight it is 1/9: too few to leave anything out.
    eight = of_finding([0.1 * step for step in range(1, 9)] + [0.0] * 9, [1] * 8 + [0] * 9)
    assert eight.included(np.asarray([[0.0]]))[:, 1].tolist() == [True]


def test_an_answer_without_calibration_cases_is_in_every_set() -> None:
    known = of_finding([0.01] * 20, [0] * 20)
    assert known.scores["pneumonia", PRESENT] == {}
    assert known.possible({"pneumonia": 0.0}) == {"pneumonia": {PRESENT, ABSENT}}
    assert known.possible({"pneumonia": 1.0}) == {"pneumonia": {PRESENT}}


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(0.95, {PRESENT}), (0.64, {PRESENT}), (0.5, set()), (0.36, {ABSENT}), (0.05, {ABSENT})],
)
def test_between_classes_that_are_told_well_neither_answer_fits(probability: float, expected: set[Presence]) -> None:
    present = np.linspace(0.6, 0.9, 300)
    well_told = of_finding([*present, *(1 - present)], [1] * 300 + [0] * 300)
    assert well_told.possible({"pneumonia": probability}) == {"pneumonia": expected}


def test_both_answers_stay_possible_where_the_classes_overlap() -> None:
    random = np.random.default_rng(0)
    known = of_finding(random.random(400).tolist(), [1, 0] * 200)
    assert known.possible({"pneumonia": 0.5}) == {"pneumonia": {PRESENT, ABSENT}}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"glioma"}, [{PRESENT}, {ABSENT}, {ABSENT}, {ABSENT}]),
        ({"glioma", "no_tumour"}, [{PRESENT, ABSENT}, {ABSENT}, {ABSENT}, {PRESENT, ABSENT}]),
        (set(), [set(), set(), set(), set()]),
    ],
)
def test_one_exclusive_label_alone_must_hold_and_an_empty_set_says_nothing(
    members: set[str], expected: list[set[Presence]]
) -> None:
    # Every calibration case of a label had 0.9, so that a label is in the set from 0.9 on.
    known = of_exclusive(np.full((400, 4), 0.9), np.arange(400) % 4)
    probabilities = {name: 0.9 if name in members else 0.1 for name in NAMES}
    assert list(known.possible(probabilities).values()) == expected


def in_another_hospital(present: int, absent: int) -> ConformalSets:
    """Return sets of 2000 present cases that score 0.8 and more, and of so many of a hospital where they score less."""
    random = np.random.default_rng(0)
    scores = [*random.uniform(0.8, 1.0, 2000), *random.uniform(0.3, 0.5, present), *np.full(absent + 50, 0.1)]
    sources = ["large"] * 2000 + ["other"] * (present + absent) + ["large"] * 50
    return of_finding(scores, [1] * (2000 + present) + [0] * (absent + 50), sources)


@pytest.mark.parametrize(
    ("present", "absent", "kept"),
    [
        (LARGE_SOURCE, 0, 0.9),
        (LARGE_SOURCE - 1, 0, 0.0),
        (WHOLE_SOURCE, WHOLE_SOURCE, 0.9),
        (WHOLE_SOURCE, WHOLE_SOURCE - 1, 0.0),
        (WHOLE_SOURCE - 1, WHOLE_SOURCE, 0.0),
    ],
)
def test_a_source_keeps_the_coverage_of_its_own_if_it_is_large_or_knows_every_answer(
    present: int, absent: int, kept: float
) -> None:
    # In the other hospital present cases score low; sets for the mix of both would miss all of them.
    asked = np.random.default_rng(1).uniform(0.3, 0.5, 1000)[:, np.newaxis]
    share = float(in_another_hospital(present, absent).included(asked)[:, 1].mean())
    assert share == pytest.approx(kept, abs=3 * (kept * (1 - kept) / present) ** 0.5)  # three standard errors


def test_an_exclusive_label_of_a_small_source_has_no_say_unless_all_labels_are_there(rng: np.random.Generator) -> None:
    def share_kept(others: int) -> float:
        sizes = {"large": [500] * 4, "web": [WHOLE_SOURCE, *[others] * 3]}
        truth = np.concatenate([np.repeat(np.arange(4), counts) for counts in sizes.values()])
        own = np.concatenate([rng.uniform(0.8, 1.0, 2000), rng.uniform(0.3, 0.5, sum(sizes["web"]))])
        probabilities = np.where(np.eye(4)[truth] == 1, own[:, np.newaxis], (1 - own[:, np.newaxis]) / 3)
        known = of_exclusive(probabilities, truth, ["large"] * 2000 + ["web"] * sum(sizes["web"]))
        return float(known.included(np.asarray([[0.45, 0.25, 0.2, 0.1]]))[0, 0])

    assert share_kept(WHOLE_SOURCE) == 1.0
    assert share_kept(WHOLE_SOURCE - 1) == 0.0


@pytest.mark.parametrize("exclusive", [True, False])
def test_sets_hold_the_true_answer_as_often_as_they_say(exclusive: bool, rng: np.random.Generator) -> None:
    # The coverage is at least 0.9, and at most 0.9 + 1 / (m + 1) of m calibration cases of a class (Vovk 2012).
    runs, calibration, asked = 400, 240, 100
    held: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(runs):
        part, truth = softmax_cases(rng, calibration + asked, 2)
        part += rng.normal(0, 1e-6, part.shape)  # without ties the coverage is exact
        told, new = truth[:calibration], truth[calibration:]
        if exclusive:
            inside = of_exclusive(part[:calibration], told).included(part[calibration:])
        else:
            known = of_finding(part[:calibration, 1].tolist(), told.tolist())
            inside = known.included(part[calibration:, 1:])
        for answer in (0, 1):
            held[answer].append(float(inside[new == answer, answer].mean()))
    for shares in held.values():
        error = 3 * float(np.std(shares)) / np.sqrt(runs)
        assert 0.9 - error <= np.mean(shares) <= 0.9 + 1 / (calibration / 2 - 20) + error


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_higher_probability_never_takes_an_answer_out_of_its_own_set(
    scores: list[float], first: float, second: float
) -> None:
    low, high = sorted((first, second))
    known = of_finding(scores, [1] * len(scores))
    inside = known.included(np.asarray([[low], [high]]))[:, 1]
    assert inside[1] >= inside[0]


def test_the_labels_are_joined_by_name() -> None:
    random = np.random.default_rng(1)
    probabilities, truth = softmax_cases(random, 200, 4)
    known = of_exclusive(probabilities, truth)
    named: Mapping[str, float] = {"no_tumour": 0.4, "glioma": 0.3, "pituitary": 0.2, "meningioma": 0.1}
    turned = {name: named[name] for name in NAMES}
    assert known.possible(named) == known.possible(turned)
    with pytest.raises(KeyError, match="meningioma"):
        known.possible({"glioma": 1.0})


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 2 answers of 3 cases, found \(3, 2\) scores and \(3, 1\) truths"):
        ConformalSets.calibrated(("pneumonia",), np.zeros((3, 1)), np.zeros((3, 1), bool), ["a"] * 3, exclusive=False)


def test_an_answer_is_a_label_or_a_side_of_a_finding() -> None:
    assert answers_of(("glioma", "no_tumour"), exclusive=True) == (("glioma", PRESENT), ("no_tumour", PRESENT))
    assert answers_of(("pneumonia",), exclusive=False) == (("pneumonia", ABSENT), ("pneumonia", PRESENT))
