"""Tests of a bundle's explanations: whether maps find the lesion, hang on the weights, and agree with occlusion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import group_ids
from radiolens.evaluation.intervals import Interval
from radiolens.explain.occlusion import LARGEST_GRID, occlusion_maps
from radiolens.imaging.resample import resize
from radiolens.inference.engine import Engine
from radiolens.inference.explanation import maps_of
from radiolens.training.lesion_masks import present_label, read_grey_and_mask, read_mask
from radiolens.validation.explanations.localisation import ANY_LABEL, Localisation, Marked, Prior, localisations
from radiolens.validation.explanations.map_likeness import rank_correlation
from radiolens.validation.explanations.weight_shuffle import ALL_WEIGHTS, Randomisation, Shown, randomisation
from radiolens.validation.grouped_intervals import grouped_means
from radiolens.validation.pieces import digest, kept
from radiolens.validation.plan import Plan
from radiolens.validation.sampling import stratified_sample

__all__ = [
    "ACTIVATION",
    "OCCLUSION",
    "SAMPLE",
    "Agreement",
    "ExplanationTests",
    "Localisation",
    "Prior",
    "Randomisation",
    "explanation_tests",
    "verdict",
]

_Progress = Callable[[str, int, int], None]

ACTIVATION, OCCLUSION = "activation map", "occlusion map"

SAMPLE = 100
"""Cases whose places are hidden one by one, and that shuffled networks map: 65 runs of the network for each."""

_PATCH_SHARE = 0.2  # of a side: large enough to hide most lesions, as in the maps that are served
_UNLIKE = 0.5
"""Below this rank correlation less than a quarter of the order of places is shared."""


@dataclass(frozen=True)
class Agreement:
    """How far activation maps and occlusion maps of one label order the places alike: mean Spearman, -1 to 1.

    An occlusion map asks the network itself what a place is worth. `label` is "all", or one label.
    """

    label: str
    cases: int
    patients: int
    rank_correlation: Interval


@dataclass(frozen=True)
class ExplanationTests:
    """What was found on a bundle's explanations; `verdict` is the sentence that the model card states.

    `method` is that of the bundle. Everything is about the map of the label that is known to hold, whether or not the
    network found it. `localisation` is empty where no scored case has a mask; occlusion maps in it, and
    `randomisation` and `agreement`, are of a sample of the cases. The first entry of each kind is of all labels.
    """

    method: str
    localisation: tuple[Localisation, ...]
    randomisation: tuple[Randomisation, ...]
    agreement: tuple[Agreement, ...]
    verdict: str


@dataclass(frozen=True, eq=False)
class _Lesions:
    """Cases with the one abnormal label that holds for each, row by row; `masks` (n, rows, columns) or None."""

    cases: tuple[Case, ...]
    labels: tuple[str, ...]
    groups: NDArray[np.intp]
    grey: NDArray[np.uint8]
    masks: NDArray[np.bool_] | None

    def part(self, rows: NDArray[np.intp]) -> _Lesions:
        return _Lesions(
            tuple(self.cases[row] for row in rows),
            tuple(self.labels[row] for row in rows),
            self.groups[rows],
            self.grey[rows],
            None if self.masks is None else self.masks[rows],
        )


def explanation_tests(
    engine: Engine,
    manifest: Manifest,
    cases: Sequence[Case],
    cache: Path,
    plan: Plan,
    progress: _Progress = lambda stage, done, total: None,
    most_cases: int = SAMPLE,
) -> ExplanationTests | None:
    """Test the maps of cases for which one abnormal label is known to hold; None if there is no such case.

    If any of them has a mask, only those with one are used. Costly tests are made on a sample of `most_cases`, of each
    source and label alike. `manifest` holds the training cases too, whose masks make a prior. Maps are kept in `cache`.
    A bundle that explains itself by occlusion maps is tested for the place only.

    Raises DatasetError if an image or mask cannot be read.
    """
    known = _known(engine, manifest, cases)
    if not known:
        return None
    if not known[0][0].mask:  # then no test needs more than the sample
        drawn = stratified_sample([case for case, _ in known], most_cases, np.random.default_rng(plan.seed))
        known = [known[row] for row in drawn]
    lesions = _read(engine, manifest, known, progress)
    rows = stratified_sample(lesions.cases, most_cases, np.random.default_rng(plan.seed))
    sample = lesions.part(rows)
    mean_masks = {} if lesions.masks is None else _mean_masks(engine, manifest, cases, cache, progress)
    place = partial(_places, mean_masks=mean_masks, plan=plan)
    if engine.head is None:
        found = place(OCCLUSION, _served_maps(engine, sample, cache, progress), sample)
        return ExplanationTests(engine.bundle.explanation, found, (), (), verdict(found, (), ()))
    maps = _served_maps(engine, lesions, cache, progress)
    hidden = _hidden_maps(engine, sample, maps.shape[1:], cache, progress)
    found = (*place(ACTIVATION, maps, lesions), *place(OCCLUSION, hidden, sample))
    shown = Shown(sample.grey, _columns(engine, sample), maps[rows], sample.groups)
    changed = randomisation(engine, shown, cache, plan, progress)
    agreed = tuple(_agreements(sample, maps[rows], hidden, plan))
    return ExplanationTests(engine.bundle.explanation, found, changed, agreed, verdict(found, changed, agreed))


def verdict(
    localisation: Sequence[Localisation], randomisation: Sequence[Randomisation], agreement: Sequence[Agreement]
) -> str:
    """Return one sentence on what the maps are worth: against the harder prior, shuffled weights and occlusion."""
    parts = [_about_the_place(localisation[0]) if localisation else "There are no masks to tell whether maps find it"]
    parts += [_about_hiding(entry) for entry in localisation[1:] if (entry.maps, entry.label) == (OCCLUSION, ANY_LABEL)]
    whole = [entry.rank_correlation for entry in randomisation if entry.stage == ALL_WEIGHTS]
    if whole:
        parts.append(
            f"{'they change' if whole[0].high < _UNLIKE else 'they hardly change'} when all weights are shuffled "
            f"(rank correlation {_told(whole[0])})"
        )
    if agreement:
        known = agreement[0].rank_correlation
        word = "agree" if known.low >= _UNLIKE else "agree in part" if known.low > 0 else "do not agree"
        parts.append(f"they {word} with occlusion (rank correlation {_told(known)})")
    return "; ".join(parts) + "."


def _about_the_place(found: Localisation) -> str:
    prior = _harder(found)
    warning = "" if prior.near_difference.low > 0 else ", so do not read it as the lesion's place"
    return (
        f"The {found.maps} {_finding(found)}{warning}: its strongest place lies in the mask or at most 15 of 224 "
        f"pixels off in {_percent(found.near)} of {found.cases} images, that of the {prior.name} in "
        f"{_percent(prior.near)}"
    )


def _about_hiding(found: Localisation) -> str:
    return (
        f"hiding places one by one instead {_finding(found)} ({_percent(found.near)} of {found.cases} images, the "
        f"{_harder(found).name} there {_percent(_harder(found).near)})"
    )


def _finding(found: Localisation) -> str:
    prior = _harder(found)
    if prior.near_difference.high < 0:
        return "finds the lesion worse than a prior"
    if not prior.near_difference.low > 0:  # so written, nan is no success
        return "finds the lesion no better than a prior"
    if all(each.mass_difference.low > 0 for each in found.priors):
        return "finds the lesion better than a prior"
    return "points at the lesion better than a prior, but marks no more of it"


def _harder(found: Localisation) -> Prior:
    # Near and not inside: a map of 7 x 7 cells cannot point more exactly than half a cell, which is that tolerance.
    return max(found.priors, key=lambda entry: entry.near.estimate)


def _percent(interval: Interval) -> str:
    return f"{100 * interval.estimate:.0f} % ({100 * interval.low:.0f} to {100 * interval.high:.0f})"


def _told(interval: Interval) -> str:
    return f"{interval.estimate:.2f}, {interval.low:.2f} to {interval.high:.2f}"


def _known(engine: Engine, manifest: Manifest, cases: Sequence[Case]) -> list[tuple[Case, str]]:
    """Return the cases of one known abnormal label, with it; only those with a mask if there are any."""
    named = [(case, present_label(manifest.task, engine.bundle.labels, case)) for case in cases]
    known = [(case, label) for case, label in named if label is not None]
    return [pair for pair in known if pair[0].mask] or known


def _read(engine: Engine, manifest: Manifest, known: Sequence[tuple[Case, str]], progress: _Progress) -> _Lesions:
    grey, masks = [], []
    for number, (case, _) in enumerate(known, 1):
        picture, mask = read_grey_and_mask(manifest, case, engine.bundle.preprocessing)
        grey.append(picture)
        if mask is not None:
            masks.append(mask)
        progress("Reading lesions", number, len(known))
    cases = tuple(case for case, _ in known)
    return _Lesions(
        cases,
        tuple(label for _, label in known),
        np.asarray(group_ids(cases), np.intp),
        np.stack(grey),
        np.stack(masks) if masks else None,
    )


def _mean_masks(
    engine: Engine, manifest: Manifest, cases: Sequence[Case], cache: Path, progress: _Progress
) -> dict[str, NDArray[np.float64]]:
    """Return by label, and of all, the mean of the masks of training cases of other patients than those scored."""
    scored = {case.path for case in cases}
    training = [case for case in manifest.cases if case.split == "train" and case.mask and case.path not in scored]
    groups = group_ids([*cases, *training])
    own = set(groups[: len(cases)])
    apart = [case for case, group in zip(training, groups[len(cases) :], strict=True) if group not in own]
    by_label: dict[str, list[Case]] = {}
    for case in apart:
        label = present_label(manifest.task, engine.bundle.labels, case)
        if label is not None:
            by_label.setdefault(label, []).append(case)
    means = {}
    for label, members in by_label.items():
        key = ["mean-mask", repr(engine.bundle.preprocessing), *(_facts(manifest, case) for case in members)]
        means[label] = kept(cache, key, partial(_mean_mask, engine, manifest, members, progress))
    if means:
        counts = [len(by_label[label]) for label in means]
        means[ANY_LABEL] = np.average(list(means.values()), axis=0, weights=counts)
    return means


def _mean_mask(engine: Engine, manifest: Manifest, cases: Sequence[Case], progress: _Progress) -> NDArray[np.float64]:
    total = np.zeros((engine.bundle.preprocessing.rows, engine.bundle.preprocessing.columns))
    for number, case in enumerate(cases, 1):
        total += read_mask(manifest, case, engine.bundle.preprocessing)
        progress("Reading masks of training cases", number, len(cases))
    return total / len(cases)


def _facts(manifest: Manifest, case: Case) -> tuple[str, int, int]:
    file = manifest.file.parent / case.mask
    known = file.stat() if file.is_file() else None
    return (case.mask, known.st_size, known.st_mtime_ns) if known else (case.mask, -1, -1)


def _served_maps(engine: Engine, lesions: _Lesions, cache: Path, progress: _Progress) -> NDArray[np.float32]:
    """Return for each case the map (n, h, w) of its label, as the page shows it."""
    return _maps(engine, lesions, cache, "Mapping lesions", ["map"], lambda grey: maps_of(engine, grey), progress)


def _hidden_maps(
    engine: Engine, lesions: _Lesions, shape: tuple[int, ...], cache: Path, progress: _Progress
) -> NDArray[np.float32]:
    """Return for each case the occlusion map (n, h, h) of its label's logit, which the activation map takes apart."""
    places = min(*shape, LARGEST_GRID)
    make = partial(
        occlusion_maps, score=engine.logits, patch_share=max(_PATCH_SHARE, 1.2 / places), stride_share=1 / places
    )
    return _maps(engine, lesions, cache, "Hiding places", ["occlusion", places], make, progress)


def _maps(
    engine: Engine,
    lesions: _Lesions,
    cache: Path,
    stage: str,
    key: list[object],
    make: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    progress: _Progress,
) -> NDArray[np.float32]:
    maps = []
    for number, (grey, column) in enumerate(zip(lesions.grey, _columns(engine, lesions), strict=True)):
        of_all_labels = kept(cache, [*key, engine.installed.sha256, digest(grey)], partial(make, grey))
        maps.append(of_all_labels[column])
        progress(stage, number + 1, len(lesions.grey))
    return np.stack(maps)


def _columns(engine: Engine, lesions: _Lesions) -> NDArray[np.intp]:
    return np.asarray([engine.bundle.labels.index(label) for label in lesions.labels], np.intp)


def _places(
    kind: str,
    maps: NDArray[np.float32],
    lesions: _Lesions,
    mean_masks: dict[str, NDArray[np.float64]],
    plan: Plan,
) -> tuple[Localisation, ...]:
    if lesions.masks is None:
        return ()
    return localisations(kind, maps, Marked(lesions.labels, lesions.groups, lesions.masks), mean_masks, plan)


def _agreements(
    lesions: _Lesions, maps: NDArray[np.float32], hidden: NDArray[np.float32], plan: Plan
) -> Iterator[Agreement]:
    """Yield the agreement on all cases, then by label if there are several, on the cells of the occlusion maps."""
    each = [rank_correlation(resize(values, *other.shape), other) for values, other in zip(maps, hidden, strict=True)]
    names = sorted(set(lesions.labels))
    for name in (ANY_LABEL, *(names if len(names) > 1 else ())):
        rows = np.flatnonzero([name in (ANY_LABEL, label) for label in lesions.labels])
        groups = lesions.groups[rows]
        told = grouped_means({"": np.asarray(each)[rows]}, groups, plan)
        yield Agreement(name, len(rows), len(np.unique(groups)), told[""])
