"""The scores that a variant gives the cases of each line, and those of the control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.controls import border_brightness_features, transferred_scores
from radiolens.imaging.preprocess import Preprocessing
from radiolens.training.config import Experiment
from radiolens.training.configs.brain_mri import source_and_side
from radiolens.training.variant import Variant
from radiolens.training.variants import PLAIN, load_variant
from radiolens.validation.pieces import digest, kept
from radiolens.validation.variants.heads import fitted
from radiolens.validation.variants.pictures import Pictures, features, picture
from radiolens.validation.variants.trials import Trial, Trials, trials_of

__all__ = ["VariantScores", "plain_experiment"]

_Values = NDArray[np.float64]
_Features = Sequence[NDArray[np.float32]]


def plain_experiment(task: str) -> Experiment:
    """Return the experiment that variants change: the defaults, and for MRI the groups of its recipe."""
    experiment = Experiment(name="variants", task=task)
    return replace(experiment, group_by=source_and_side) if task == "brain-mri" else experiment


@dataclass(frozen=True, eq=False)
class VariantScores:
    """Scores on the pictures of one task; those of a variant that others are averaged with are made once."""

    pictures: Pictures
    _made: dict[str, Sequence[_Values]] = field(default_factory=dict)

    def of(self, name: str) -> Sequence[_Values]:
        """Return for each line the log probabilities (n, labels) of the judged cases, nan for the others.

        Raises DatasetError for a variant that is not known, or a network that cannot be exported.
        """
        if name not in self._made:
            variant = load_variant(name)
            members = [self._own(variant), *(self.of(other) for other in variant.together_with)]
            self._made[name] = [np.mean(parts, axis=0) for parts in zip(*members, strict=True)]
        return self._made[name]

    @cached_property
    def control(self) -> Sequence[_Values]:
        """Return for each line the same of forests on borders and brightness, one for each label against the rest."""
        lines = trials_of(self.pictures.sample)
        found = []
        for done, line in enumerate(lines, 1):
            found.append(self._forests(line))
            self.pictures.progress("Fitting controls", done, len(lines))
        return found

    def _own(self, variant: Variant) -> Sequence[_Values]:
        experiment = variant.change(plain_experiment(self.pictures.sample.manifest.task.name))
        clean = features(self.pictures, variant, experiment)
        copies = range(1, variant.augmented_copies + 1)
        turns = (1, 2, 3) if variant.quarter_turns else ()
        fitted_on = [
            clean,
            *(features(self.pictures, variant, experiment, copy=copy) for copy in copies),
            *(features(self.pictures, variant, experiment, turns=quarters) for quarters in turns),
        ]
        judged = [clean, *([features(self.pictures, variant, experiment, mirror=True)] if variant.mirrored else [])]
        fits = _Fits(self.pictures, variant, experiment, fitted_on, judged)
        lines = trials_of(self.pictures.sample)
        found = []
        for done, line in enumerate(lines, 1):
            found.append(fits.scores(line))
            self.pictures.progress(f"Fitting: {variant.name}", done, len(lines))
        return found

    @cached_property
    def _borders(self) -> _Values:
        preprocessing, plain = Preprocessing(224, 224), load_variant(PLAIN)
        return border_brightness_features([picture(image, plain, preprocessing) for image in self.pictures.images])

    def _forests(self, line: Trials) -> _Values:
        scores = np.full((len(line.answers), line.labels), np.nan)
        for trial in line.trials:
            rows = np.flatnonzero(trial.fitted & (line.answers >= 0))
            values, others = self._borders[rows], self._borders[trial.judged]
            scores[trial.judged] = self._forest(values, line.answers[rows], others, line.labels)
        return scores

    def _forest(self, values: _Values, answers: NDArray[np.intp], others: _Values, labels: int) -> _Values:
        seed = self.pictures.seed

        def make() -> _Values:
            columns = [transferred_scores(values, answers == label, others, seed) for label in range(labels)]
            return np.nan_to_num(np.stack(columns, axis=1))

        return kept(self.pictures.cache, ["forest", digest(values), digest(answers), digest(others), seed], make)


@dataclass(frozen=True, eq=False)
class _Fits:
    """The fits of one variant; lines that are fitted on the same cases and answers share one."""

    pictures: Pictures
    variant: Variant
    experiment: Experiment
    fitted_on: _Features
    judged: _Features
    _made: dict[bytes, _Values] = field(default_factory=dict)

    def scores(self, line: Trials) -> _Values:
        answers = self._training_answers(line)
        scores = np.full((len(answers), line.labels), np.nan)
        for trial in line.trials:
            scores[trial.judged] = self._answers(trial, answers, line.labels)[trial.judged]
        return scores

    def _training_answers(self, line: Trials) -> NDArray[np.intp]:
        """Return the answers (n,) with what the experiment masks and what it takes to be absent."""
        masked = [entry for entry in self.experiment.masked if entry.label == line.finding]
        assumed = [absence for absence in self.experiment.assumed_absent if absence.label == line.finding]
        answers = line.answers.copy()
        for row, case in enumerate(self.pictures.sample.cases):
            if any(entry.hides(case) for entry in masked):
                answers[row] = -1
            elif any(absence.covers(case) for absence in assumed):
                answers[row] = 0
        return answers

    def _answers(self, trial: Trial, answers: NDArray[np.intp], labels: int) -> _Values:
        """Return the log probabilities (n, labels) of all cases by the fit of a trial."""
        rows = np.flatnonzero(trial.fitted & (answers >= 0))
        key = bytes([labels]) + rows.tobytes() + answers[rows].tobytes()
        if key not in self._made:
            self._made[key] = self._kept_answers(rows, answers[rows], labels)
        return self._made[key]

    def _kept_answers(self, rows: NDArray[np.intp], answers: NDArray[np.intp], labels: int) -> _Values:
        sample, times = self.pictures.sample, len(self.fitted_on)
        groups = np.asarray([self.experiment.group_by(sample.cases[row]) for row in rows], str)
        sources, stands_for = sample.sources[rows], sample.stands_for[rows]
        values = np.concatenate([each[rows] for each in self.fitted_on])

        def make() -> _Values:
            score = fitted(
                self.variant.head,
                values,
                np.tile(answers, times),
                np.tile(groups, times),
                np.tile(stands_for, times),
                np.tile(sources, times),
                labels,
            )
            return np.asarray(np.mean([score(each) for each in self.judged], axis=0))

        told = [digest(each) for each in (values, answers, groups, stands_for, sources, *self.judged)]
        return kept(self.pictures.cache, ["fit", self.variant.head.value, labels, *told], make)
