"""The controls beside every result: studies that need no training, only features of the images, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from radiolens.data.manifest import Manifest
from radiolens.evaluation.heads import LINEAR
from radiolens.inference.engine import Engine
from radiolens.validation.controls.cross_validated import CrossValidated, cross_validate
from radiolens.validation.controls.feature_fits import FeatureFits
from radiolens.validation.controls.feature_questions import FeatureQuestion, asked, partition
from radiolens.validation.controls.image_features import BUNDLE, Features, read_features
from radiolens.validation.controls.random_labels import RandomLabels, random_labels
from radiolens.validation.controls.slice_position import SlicePosition, slice_positions
from radiolens.validation.controls.source_held_out import SourceHeldOut, sources_held_out
from radiolens.validation.controls.source_probe import (
    SourceAnswer,
    SourceProbe,
    SourceRecognition,
    SourceShare,
    source_probe,
)
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Scored

__all__ = [
    "CrossValidated",
    "FeatureStudies",
    "RandomLabels",
    "SlicePosition",
    "SourceAnswer",
    "SourceHeldOut",
    "SourceProbe",
    "SourceRecognition",
    "SourceShare",
    "feature_studies",
    "studies_of",
]


@dataclass(frozen=True)
class FeatureStudies:
    """All controls of one evaluation. A study that the data do not allow is empty, and `notes` say why.

    `images` counts the images whose features were read: all but the external ones of the manifest, and of the external
    ones those that were scored.
    """

    images: int
    source_probe: SourceProbe
    random_labels: tuple[RandomLabels, ...]
    cross_validation: tuple[CrossValidated, ...]
    source_held_out: tuple[SourceHeldOut, ...]
    slice_position: tuple[SlicePosition, ...]
    notes: tuple[str, ...]


def feature_studies(
    engine: Engine,
    manifest: Manifest,
    scored: Scored,
    cache: Path,
    plan: Plan,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> FeatureStudies:
    """Return the controls beside the result of a bundle on the `scored` cases of a manifest.

    They are made on the whole manifest but its external cases, which are only ever judged. What is finished is kept in
    the folder `cache`: a call that was killed loses at most the image or the fit in work. Raises DatasetError if an
    image cannot be read, or is not the one the manifest lists.
    """
    paths = {case.path for case in scored.cases}
    cases = [case for case in manifest.cases if case.split != "external" or case.path in paths]
    features = read_features(engine, manifest, cases, cache, progress)
    return studies_of(manifest, features, paths, cache, plan, progress)


def studies_of(
    manifest: Manifest,
    features: Features,
    scored_paths: set[str],
    cache: Path,
    plan: Plan,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> FeatureStudies:
    """Return the same from features that were read."""
    inside = np.asarray([case.split != "external" for case in features.cases], bool)
    fits = FeatureFits(features, partition(features.cases, inside, plan.seed), inside, cache, plan, progress)
    questions = asked(manifest.task, features.cases)
    fitted = [question for question in questions if _can_be_fitted(fits, question.of(inside[question.rows]))]
    validated = [cross_validate(fits, question) for question in fitted]
    by_patient = {found.question.name: found.by_patient[LINEAR] for found in validated}
    scored = np.asarray([case.path in scored_paths for case in features.cases], bool)
    held_out = tuple(sources_held_out(fits, questions, by_patient))
    positions = tuple(slice_positions(fits, questions, scored))
    return FeatureStudies(
        images=len(features.cases),
        source_probe=source_probe(fits, fitted),
        random_labels=random_labels(fits, fitted),
        cross_validation=tuple(row for found in validated for row in found.rows(fits)),
        source_held_out=held_out,
        slice_position=positions,
        notes=tuple(_notes(fits, questions, held_out, positions)),
    )


def _can_be_fitted(fits: FeatureFits, question: FeatureQuestion) -> bool:
    """Return whether there are cases of two labels, and patients to keep apart."""
    return question.judgeable and fits.can_be_cut(question.rows)


def _notes(
    fits: FeatureFits,
    questions: Sequence[FeatureQuestion],
    held_out: Sequence[SourceHeldOut],
    positions: Sequence[SlicePosition],
) -> Iterator[str]:
    if BUNDLE not in fits.features.kinds:
        yield "The bundle's network gives no feature map, so the source is not probed on its own features."
    if not questions:
        yield "No question has ten cases of two answers, so nothing was fitted."
    if len({case.source for case in fits.cases}) < 2:
        yield "The manifest names one source only, so there is no source to tell or to hold out."
    else:
        named = {row.question for row in held_out}
        for question in questions:
            if question.name not in named:
                yield f"{question.name}: no source can be held out; none tells two answers while the others do, too."
    if not fits.partition.named:
        yield "The manifest names no patients, duplicates or folds, so here each image counts as a patient."
    if not positions:
        yield "The manifest has no slice_index, so the position of slices is not judged."
