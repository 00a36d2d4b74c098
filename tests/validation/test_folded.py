"""Figures of several networks: pairs within a network, images that all of them answered, and controls beside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.data.case import Case
from radiolens.evaluation.discrimination import auroc
from radiolens.task import Task
from radiolens.tasks import get_task
from radiolens.training.folds import Answers, Fold
from radiolens.validation.folded import BORDERS, POSITION, Contrasted, folded, of_one_network
from radiolens.validation.out_of_fold import OutOfFold, pooled
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Scored

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")
TUBERCULOSIS = replace(CHEST, labels=CHEST.labels[1:])
CT = replace(get_task("brain-ct"), labels=get_task("brain-ct").labels[:1])
PLAN = Plan(trees=20, resamples=100)
FOLDS = (1, 2, 3)


def grey(cases: list[Case], bright: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return pictures of which some are brighter, so that the control can tell those."""
    random = np.random.default_rng([ord(character) for character in cases[0].path])
    levels = random.integers(60, 120, (len(cases), 8, 8)) + 100 * bright[:, np.newaxis, np.newaxis]
    return levels.astype(np.uint8)


def answers(cases: list[Case], logits: NDArray[np.float64], bright: NDArray[np.bool_]) -> Answers:
    return Answers(tuple(cases), logits.astype(np.float32), grey(cases, bright))


def chest(shift: float = 0.0, bright: str = "") -> OutOfFold:
    """Return a cross-validation over a hospital, with foreign positives that each network answered alike.

    The second network gives logits that are higher by `shift`; the images of the source `bright` are brighter.
    """
    random = np.random.default_rng(0)
    foreign = random.normal(1, 1, 30)
    made = []
    for number in FOLDS:
        home = [
            Case(f"{number}-{index}", "home", f"{number}-{index // 2}", fold=number, labels={"tuberculosis": index % 2})
            for index in range(40)
        ]
        away = [Case(f"away-{index}", "away", split="external", labels={"tuberculosis": 1}) for index in range(30)]
        own = random.normal([2.0 * (case.labels["tuberculosis"] or 0) - 1 for case in home], 1.0)
        parts = [
            answers(
                cases, logits[:, np.newaxis] + shift * (number == 2), np.full(len(cases), cases[0].source == bright)
            )
            for cases, logits in ((home, own), (away, foreign))
        ]
        made.append(Fold(number, parts[0], parts[1], str(number)))
    return pooled(TUBERCULOSIS, made)


def row(found: OutOfFold, name: str) -> Contrasted:
    return next(row for row in folded(found, PLAN).contrasts if row.contrast == name)


def test_scores_are_compared_within_a_network_only() -> None:
    within = [row(chest(shift), "home") for shift in (0.0, 5.0)]
    assert within[0].auroc.estimate == pytest.approx(within[1].auroc.estimate, abs=1e-9)
    found = chest()
    truth = np.asarray([case.labels["tuberculosis"] for case in found.scored.cases])
    each = [np.asarray([case.fold == fold for case in found.scored.cases]) for fold in FOLDS]
    mean = np.mean([auroc(truth[at], found.scored.probabilities[at, 0]) for at in each])
    assert within[0].auroc.estimate == pytest.approx(mean)  # the folds have the same number of pairs


def test_images_that_every_network_answered_count_once() -> None:
    foreign = row(chest(), "away against home")
    assert (foreign.positives, foreign.negatives, foreign.patients, foreign.networks) == (30, 60, 90, 3)
    alone = row(chest(), "home")
    assert (alone.positives, alone.negatives, alone.patients, alone.networks) == (60, 60, 60, 3)


def test_three_answers_to_one_image_are_less_than_answers_to_three_images() -> None:
    found = chest()
    as_if_others = [
        replace(case, path=f"{case.fold}/{case.path}", duplicate_group=f"{case.fold}") for case in found.others.cases
    ]
    named = [replace(case, duplicate_group=case.path) for case in as_if_others]
    images = replace(found, others=replace(found.others, cases=tuple(named)))
    once, thrice = (row(each, "away against home") for each in (found, images))
    assert thrice.positives == 3 * once.positives
    assert once.auroc.estimate == pytest.approx(thrice.auroc.estimate)
    assert once.auroc.high - once.auroc.low > thrice.auroc.high - thrice.auroc.low


def test_the_control_is_fitted_on_other_folds_of_the_very_cases_that_are_compared() -> None:
    plain, seen = (row(chest(bright=source), "away against home").controls[0] for source in ("", "away"))
    assert (plain.name, seen.name) == (BORDERS, BORDERS)
    assert plain.auroc.low < 0.5 < plain.auroc.high
    assert seen.auroc.estimate == 1.0
    assert seen.difference.estimate == pytest.approx(
        row(chest(bright="away"), "away against home").auroc.estimate - 1.0, abs=1e-9
    )
    assert seen.difference.high < 0 < plain.difference.low


def haemorrhage() -> OutOfFold:
    """Return a cross-validation in which the middle slices of each patient bleed."""
    random = np.random.default_rng(1)
    made = []
    for number in FOLDS:
        cases = [
            Case(
                f"{number}-{patient}-{index}",
                "sich",
                f"{number}-{patient}",
                fold=number,
                labels={"haemorrhage": int(3 <= index <= 6)},
                slice_index=index,
            )
            for patient in range(6)
            for index in range(10)
        ]
        logits = random.normal([2.0 * (case.labels["haemorrhage"] or 0) - 1 for case in cases], 1.0)
        own = answers(cases, logits[:, np.newaxis], np.zeros(60, bool))
        made.append(Fold(number, own, Answers((), own.logits[:0], own.grey[:0]), str(number)))
    return pooled(CT, made)


def test_where_slices_have_a_place_it_is_a_control_of_its_own() -> None:
    borders, position = row(haemorrhage(), "sich").controls
    assert (borders.name, position.name) == (BORDERS, POSITION)
    assert borders.auroc.low < 0.5 < borders.auroc.high
    assert position.auroc.estimate == 1.0
    assert position.difference.high < 0


def tumours(task: Task = MRI) -> OutOfFold:
    """Return a cross-validation of which the glioma is bright, and every type is told well."""
    random = np.random.default_rng(2)
    names = task.label_names
    made = []
    for number in FOLDS:
        cases = [
            Case(f"{number}-{index}", "figshare", fold=number, possible=frozenset({names[index % len(names)]}))
            for index in range(80)
        ]
        told = np.asarray([[name in case.possible for name in names] for case in cases])
        logits = 4.0 * told + random.normal(0, 1, told.shape)
        own = answers(cases, logits, told[:, names.index("glioma")])
        made.append(Fold(number, own, Answers((), own.logits[:0], own.grey[:0]), str(number)))
    return pooled(task, made)


def test_naming_types_stands_beside_forests_on_borders_and_brightness() -> None:
    (found,) = folded(tumours(), PLAN).types
    assert (found.source, found.cases) == ("figshare", 180)
    assert found.macro_f1.estimate > 0.9
    assert 1 / 3 < found.control.estimate < 0.8  # one of three types is told by its brightness
    assert found.difference.estimate == pytest.approx(found.macro_f1.estimate - found.control.estimate)
    assert found.difference.low > 0


def test_findings_have_no_types_and_the_same_seed_gives_the_same_figures() -> None:
    first, second = folded(chest(), PLAN), folded(chest(), PLAN)
    assert first.types == ()
    assert first == second


def test_sets_of_cases_that_every_network_answered_count_answers_and_patients() -> None:
    found = folded(chest(), PLAN).prediction_sets
    present = next(row for row in found if row.presence == "present")
    assert (present.label, present.source, present.cases, present.patients) == ("tuberculosis", "away", 90, 30)
    assert present.asked == 0.9
    assert present.coverage.estimate > 0.8
    assert folded(haemorrhage(), PLAN).prediction_sets == ()


def test_one_network_is_judged_by_the_same_contrasts_with_controls_out_of_fold() -> None:
    found = chest(bright="home")
    rows = [row for row, case in enumerate(found.scored.cases) if case.fold == 1]
    away = range(30)
    cases = (*(found.scored.cases[row] for row in rows), *(found.others.cases[row] for row in away))
    scored = Scored(
        cases,
        np.concatenate([found.scored.probabilities[rows], found.others.probabilities[:30]]),
        np.concatenate([found.scored.grey[rows], found.others.grey[:30]]),
    )
    told = {row.contrast: row for row in of_one_network(TUBERCULOSIS, ["tuberculosis"], scored, PLAN)}
    assert list(told) == ["home", "away against home"]
    truth = [case.labels["tuberculosis"] for case in cases[: len(rows)]]
    assert told["home"].auroc.estimate == pytest.approx(auroc(truth, scored.probabilities[: len(rows), 0]))
    assert told["away against home"].networks == 1
    assert told["away against home"].controls[0].auroc.estimate == 1.0  # home is brighter


def test_progress_tells_of_every_contrast() -> None:
    told: list[tuple[int, int]] = []
    found = folded(chest(), PLAN, lambda done, total: told.append((done, total)))
    assert told == [(number, len(found.contrasts)) for number in range(1, len(found.contrasts) + 1)]
