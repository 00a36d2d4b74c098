"""Measures of several networks, each on cases it has not seen: pairs are compared within one network's answers.

Networks are on different scales, so scores are never ranked across them (`evaluation.within_folds`). Beside each figure
stand controls, fitted on the other folds of the very cases that are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from radiolens.data.splits import folds_by_group, group_ids
from radiolens.evaluation.controls import border_brightness_features, transferred_scores
from radiolens.evaluation.intervals import Interval, clustered_intervals
from radiolens.evaluation.weighted import weighted_difference
from radiolens.evaluation.within_folds import auroc_difference_within_folds, auroc_within_folds
from radiolens.task import Task
from radiolens.validation.contrasts import Contrast, Kind, contrasts
from radiolens.validation.controls.slice_position import slice_places
from radiolens.validation.plan import Plan
from radiolens.validation.prediction_sets import SetCoverage, set_coverage
from radiolens.validation.questions import ANY_FINDING, Scored, scores_of
from radiolens.validation.types import NamedTypes, named_types

if TYPE_CHECKING:  # it loads TensorFlow, which the contrasts of a released network do not need
    from radiolens.validation.out_of_fold import OutOfFold

__all__ = ["BORDERS", "POSITION", "Contrasted", "Control", "Folded", "TypesControl", "folded", "of_one_network"]

BORDERS = "borders and brightness"
POSITION = "position of the slice"

_FOLDS = 5
"""Of the controls of a single network, as many as those of a cross-validation."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Control:
    """What a forest reaches on the same cases by numbers that hold no anatomy; see `Contrasted`.

    `auroc` is judged as the network is, `difference` is the network's less that, paired by patient.
    """

    name: str
    auroc: Interval
    difference: Interval


@dataclass(frozen=True)
class Contrasted:
    """How well networks tell two groups of cases apart that they have not seen.

    `contrast` says which; `positives` and `negatives` count the images of the first and second, each once, `patients`
    their groups, `networks` those that answered. Cases without a fold were answered by every network; then `auroc` is
    the mean over networks, weighed by pairs, and one image stays one image for the interval. Each control is a forest
    on other folds of these very cases, so in a `cue` it says how far the two sources can be told apart at all.
    """

    question: str
    contrast: str
    kind: Kind
    positives: int
    negatives: int
    patients: int
    networks: int
    auroc: Interval
    controls: tuple[Control, ...]


@dataclass(frozen=True)
class TypesControl:
    """The macro-F1 of the types out of fold beside that of forests on borders and brightness; see `types.Types`."""

    source: str
    cases: int
    macro_f1: Interval
    control: Interval
    difference: Interval


@dataclass(frozen=True)
class Folded:
    """What can be said of several networks only within the answers of each.

    `prediction_sets` are those of cases without a fold; their `cases` count the answers, one of each network.
    """

    contrasts: tuple[Contrasted, ...]
    types: tuple[TypesControl, ...]
    prediction_sets: tuple[SetCoverage, ...]


@dataclass(frozen=True, eq=False)
class _Answered:
    """The answers of all networks, row by row (n,): the network's number, which image it is, its patient.

    `features` (images, 12) and `held_out`, the fold in which a control is not fitted on it, stand once for each image.
    """

    scored: Scored
    network: NDArray[np.intp]
    image: NDArray[np.intp]
    patient: NDArray[np.intp]
    features: _Floats
    held_out: NDArray[np.intp]


def folded(found: OutOfFold, plan: Plan, progress: Callable[[int, int], None] = lambda done, total: None) -> Folded:
    """Measure every contrast of every question, and the naming of types, beside their controls; and prediction sets."""
    answered = _answered(found, plan)
    names = (ANY_FINDING,) if found.task.exclusive else found.task.label_names
    rows = _rows(found.task, names, answered, plan, progress)
    types = _types(found, answered, plan) if found.task.exclusive else ()
    others = found.others
    sets = set_coverage(found.task, others, found.thresholds_of(others), found.sets_of(others), plan)
    return Folded(rows, tuple(types), sets)


def of_one_network(
    task: Task,
    names: Sequence[str],
    scored: Scored,
    plan: Plan,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Contrasted, ...]:
    """Measure the contrasts of questions (findings, or ANY_FINDING) in one network's answers to cases new to it.

    The controls are fitted out of folds cut by patient.
    """
    rows = np.arange(len(scored.cases))
    answered = _Answered(
        scored=scored,
        network=np.zeros(len(rows), np.intp),
        image=rows,
        patient=np.asarray(group_ids(scored.cases), np.intp),
        features=border_brightness_features(scored.grey),
        held_out=folds_by_group(scored.cases, _FOLDS, plan.seed),
    )
    return _rows(task, names, answered, plan, progress)


def _rows(
    task: Task, names: Sequence[str], answered: _Answered, plan: Plan, progress: Callable[[int, int], None]
) -> tuple[Contrasted, ...]:
    asked = [contrast for name in names for contrast in contrasts(task, name, answered.scored.cases)]
    rows = []
    for number, contrast in enumerate(asked, 1):
        rows.append(_contrasted(task, contrast, answered, plan))
        progress(number, len(asked))
    return tuple(rows)


def _answered(found: OutOfFold, plan: Plan) -> _Answered:
    cases = (*found.scored.cases, *found.others.cases)
    _, first, image = np.unique([case.path for case in cases], return_index=True, return_inverse=True)
    images = [cases[row] for row in first]
    grey = np.concatenate([found.scored.grey, found.others.grey])
    groups = np.asarray(group_ids(images), np.intp)
    held_out = np.asarray([case.fold for case in images], np.intp)
    shared = np.flatnonzero(first >= len(found.scored.cases))  # answered by every network, so of no fold
    if shared.size:
        cut = folds_by_group([images[row] for row in shared], len(found.networks), plan.seed)
        held_out[shared] = np.asarray(sorted(found.networks), np.intp)[cut - 1]
    return _Answered(
        scored=Scored(cases, np.concatenate([found.scored.probabilities, found.others.probabilities]), grey),
        network=np.asarray([case.fold for case in cases], np.intp),
        image=np.asarray(image, np.intp),
        patient=groups[image],
        features=border_brightness_features(grey[first]),
        held_out=held_out,
    )


def _contrasted(task: Task, contrast: Contrast, answered: _Answered, plan: Plan) -> Contrasted:
    rows, truth = contrast.rows, contrast.truth
    networks, patients = answered.network[rows], answered.patient[rows]
    scores = scores_of(task, contrast.question, answered.scored.probabilities[rows])
    images, places = np.unique(answered.image[rows], return_index=True)
    controls = []
    for name, values in _control_features(answered, rows[places], images).items():
        held_out = answered.held_out[images]
        each = _forest(values, truth[places], held_out, plan)
        back = np.searchsorted(images, answered.image[rows])
        own, folds = each[back], held_out[back]
        controls.append(
            Control(
                name,
                auroc_within_folds(truth, own, folds, patients),
                auroc_difference_within_folds(truth, (scores, networks), (own, folds), patients),
            )
        )
    return Contrasted(
        question=contrast.question,
        contrast=contrast.name,
        kind=contrast.kind,
        positives=int(truth[places].sum()),
        negatives=int((~truth[places]).sum()),
        patients=len(np.unique(patients)),
        networks=len(np.unique(networks)),
        auroc=auroc_within_folds(truth, scores, networks, patients),
        controls=tuple(controls),
    )


def _control_features(answered: _Answered, rows: NDArray[np.intp], images: NDArray[np.intp]) -> Mapping[str, _Floats]:
    """Return by name the features (m, k) of images, each of which stands once in the answers `rows`."""
    kinds = {BORDERS: answered.features[images]}
    cases = [answered.scored.cases[row] for row in rows]
    if all(case.slice_index is not None for case in cases):
        kinds[POSITION] = slice_places(cases, answered.patient[rows])
    return kinds


def _forest(values: _Floats, truth: NDArray[np.bool_], folds: NDArray[np.intp], plan: Plan) -> _Floats:
    """Return the score (m,) of each image by a forest on the other folds; equal for all where those lack a side."""
    scores = np.zeros(len(values))
    for fold in np.unique(folds):
        at = folds == fold
        scores[at] = transferred_scores(values[~at], truth[~at], values[at], plan.seed, plan.trees)
    return np.nan_to_num(scores)


def _types(found: OutOfFold, answered: _Answered, plan: Plan) -> Iterator[TypesControl]:
    features = answered.features[answered.image[: len(found.scored.cases)]]
    folds = answered.network[: len(found.scored.cases)]
    for part in named_types(found.task, found.scored):
        control = replace(part, called=_named_by_forests(part, features[part.rows], folds[part.rows], plan))
        statistics = {
            "own": part.macro_f1,
            "control": control.macro_f1,
            "difference": weighted_difference(part.macro_f1, control.macro_f1),
        }
        measured = clustered_intervals(statistics, part.groups, np.random.default_rng(plan.seed), plan.resamples)
        yield TypesControl(part.source, len(part.rows), *(measured[name] for name in statistics))


def _named_by_forests(part: NamedTypes, features: _Floats, folds: NDArray[np.intp], plan: Plan) -> NDArray[np.intp]:
    """Return the likeliest type (m,) by one forest for each type against the rest."""
    scores = [_forest(features, part.numbers == number, folds, plan) for number in range(part.types)]
    return np.asarray(np.argmax(scores, axis=0), np.intp)
