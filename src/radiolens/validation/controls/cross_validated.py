"""What a plain head on features reaches on new patients, and what a split that ignores patients pretends it reaches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.discrimination import macro_f1
from radiolens.evaluation.heads import LINEAR, NEAREST
from radiolens.evaluation.intervals import LEVEL, Interval, clustered_bootstrap_interval
from radiolens.evaluation.within_folds import auroc_difference_within_folds
from radiolens.validation.controls.feature_fits import FeatureFits, judged, ranked
from radiolens.validation.controls.feature_questions import FeatureQuestion, Partition, random_folds, sources_of
from radiolens.validation.plan import Plan

__all__ = ["CrossValidated", "CrossValidation", "cross_validate"]

_Scores = NDArray[np.float64]


@dataclass(frozen=True)
class CrossValidated:
    """A head on the features of the untouched ImageNet network, judged out of fold on the cases of one source.

    `head` is linear or nearest neighbour; `measure` is auroc (of several labels the mean of each against the rest) or
    macro_f1. `by_patient` keeps each patient in one fold, `by_image` deals the same images out regardless of patients;
    `difference` is the latter less the former. `control` is a forest on borders and brightness, split by patient (nan
    for macro_f1). `sharing` counts the images of which, when patients were ignored, the most similar image in the other
    folds was of the same patient (of the same fold of the manifest, where it does not name patients), and
    `sharing_by_chance` how many would be so for a similarity that means nothing. `verdict` is the sentence for the
    reader.
    """

    question: str
    source: str
    head: str
    measure: str
    cases: int
    patients: int
    folds: int
    by_patient: Interval
    by_image: Interval
    difference: Interval
    control: Interval
    sharing: int
    sharing_by_chance: float
    verdict: str


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """The scores (m, labels) of one question by head, for the split by patient and for the one by image."""

    question: FeatureQuestion
    part: Partition
    image_folds: NDArray[np.intp]
    by_patient: dict[str, _Scores]
    by_image: dict[str, _Scores]
    control: _Scores
    sharing: NDArray[np.bool_]
    chance: NDArray[np.float64]

    def rows(self, fits: FeatureFits) -> Iterator[CrossValidated]:
        """Yield the rows of each source, head and measure."""
        for source, chosen in sources_of(fits.cases, self.question):
            if self.question.of(chosen).judgeable:
                for head in self.by_patient:
                    yield _auroc_row(self, source, head, chosen)
                    if len(self.question.labels) > 2:
                        yield _macro_f1_row(self, source, head, chosen, fits.plan)


def cross_validate(fits: FeatureFits, question: FeatureQuestion) -> CrossValidation:
    """Return the out-of-fold scores of both heads and both splits on the cases that may be fitted on."""
    own = question.of(fits.inside[question.rows])
    part = fits.partition.of(own.rows)
    image_folds = random_folds([fits.cases[row] for row in own.rows], len(np.unique(part.folds)), fits.plan.seed)
    heads = [(head, own.answers, len(own.labels)) for head in (LINEAR, NEAREST)]
    stage = f"Cross-validating: {own.name}"
    by_patient = fits.heads(f"{stage}, by patient", own.rows, heads, part.folds)
    by_image = fits.heads(f"{stage}, by image", own.rows, heads, image_folds)
    sharing = part.units[fits.nearest(own.rows, image_folds)] == part.units
    return CrossValidation(
        question=own,
        part=part,
        image_folds=image_folds,
        by_patient=dict(zip((LINEAR, NEAREST), by_patient, strict=True)),
        by_image=dict(zip((LINEAR, NEAREST), by_image, strict=True)),
        control=fits.forest_out_of_fold(f"{stage}, borders and brightness", own, part.folds),
        sharing=sharing,
        chance=_by_chance(part.units, image_folds),
    )


def _by_chance(units: NDArray[np.intp], folds: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return for each image (m,) the share of the images of other folds that are of its unit."""
    numbers = np.unique(units, return_inverse=True)[1]
    table = np.zeros((numbers.max() + 1, folds.max() + 1))
    np.add.at(table, (numbers, folds), 1.0)
    others = len(units) - np.bincount(folds)[folds]
    same: NDArray[np.float64] = table.sum(axis=1)[numbers] - table[numbers, folds]
    return same / np.maximum(others, 1)


def _auroc_row(found: CrossValidation, source: str, head: str, chosen: NDArray[np.bool_]) -> CrossValidated:
    question, part = found.question, found.part
    truth, by_image = ranked(question, found.by_image[head])
    _, by_patient = ranked(question, found.by_patient[head])
    dealt = Partition(part.patients, part.units, found.image_folds, given=False)
    difference = auroc_difference_within_folds(
        truth[chosen],
        (by_image[chosen], found.image_folds[chosen]),
        (by_patient[chosen], part.folds[chosen]),
        part.patients[chosen],
    )
    return _row(
        found,
        (source, head, "auroc"),
        chosen,
        (judged(question, found.by_patient[head], part, chosen), judged(question, found.by_image[head], dealt, chosen)),
        difference,
        judged(question, found.control, part, chosen),
    )


def _macro_f1_row(
    found: CrossValidation, source: str, head: str, chosen: NDArray[np.bool_], plan: Plan
) -> CrossValidated:
    answers = found.question.answers[chosen]
    present = np.unique(answers).tolist()
    calls = [scores[head].argmax(axis=1)[chosen] for scores in (found.by_patient, found.by_image)]

    def score(answers: NDArray[np.intp], called: NDArray[np.intp]) -> float:
        return macro_f1(answers, called, present)

    def gain(answers: NDArray[np.intp], first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
        return score(answers, second) - score(answers, first)

    groups = found.part.patients[chosen]
    each = [
        clustered_bootstrap_interval(
            metric, [answers, *arrays], groups, np.random.default_rng(plan.seed), plan.resamples
        )
        for metric, arrays in ((score, calls[:1]), (score, calls[1:]), (gain, calls))
    ]
    nothing = Interval(np.nan, np.nan, np.nan, LEVEL, "not of this measure")
    return _row(found, (source, head, "macro_f1"), chosen, (each[0], each[1]), each[2], nothing)


def _row(
    found: CrossValidation,
    name: tuple[str, str, str],
    chosen: NDArray[np.bool_],
    splits: tuple[Interval, Interval],
    difference: Interval,
    control: Interval,
) -> CrossValidated:
    sharing, chance = int(found.sharing[chosen].sum()), float(found.chance[chosen].sum())
    cases = int(chosen.sum())
    return CrossValidated(
        question=found.question.name,
        source=name[0],
        head=name[1],
        measure=name[2],
        cases=cases,
        patients=len(np.unique(found.part.patients[chosen])),
        folds=len(np.unique(found.part.folds)),
        by_patient=splits[0],
        by_image=splits[1],
        difference=difference,
        control=control,
        sharing=sharing,
        sharing_by_chance=chance,
        verdict=_verdict(found.part, chosen, difference, sharing, chance),
    )


def _verdict(part: Partition, chosen: NDArray[np.bool_], difference: Interval, sharing: int, chance: float) -> str:
    cases, units = int(chosen.sum()), part.units[chosen]
    if len(np.unique(units)) == cases:
        return "No two images are known to be of one patient, so this cannot tell what a split by image would pretend."
    hidden = len(np.unique(part.patients[chosen])) > len(np.unique(units))
    same = (
        "the same patient-level fold, whose patients are not named" if hidden else "the same patient or duplicate group"
    )
    why = (
        f"of {sharing} of {cases} held-out images the most similar image that was fitted on is of {same} "
        f"({chance:.0f} by chance)"
    )
    if difference.low > 0:
        return (
            f"A split that ignores patients scores {difference.estimate:.3f} higher, and that is no merit: "
            f"neighbouring slices or repeated images of the same patient stand in both halves: {why}. "
            "Only the split by patient tells what to expect of a new patient."
        )
    return f"A split that ignores patients does not score higher beyond chance here; {why}."
