"""What the heads of the gate say of a hospital that they have not seen: each source is left out of training once.

    .venv/bin/python -m benchmarks.gate_left_out ../shared/data --work runs/gate   # about ten minutes on 2 idle cores

Training and validation splits only; of a source that is left out both, since heads and limits are made without either.
As many fits are made as a kind has sources, and each leaves out one source of every kind. Limits are those of the
release, from the validation pictures of the sources that stay. The backbone is ImageNet's, so it has seen none of them.

kind       share of genuine pictures of which the right kind is believed (likelier than all others together)
inverted   by the first look alone, at the limit that it has if no second one follows; then with the second look:
           share refused of the genuine pictures and of their inverses, and how many genuine ones are looked at twice
rotated, cropped   share refused of the genuine pictures and of those with the generated defect
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.cli.stages import stage_progress
from radiolens.data.sources import LAYOUTS
from radiolens.evaluation.intervals import share_interval
from radiolens.safety.sight import Kind
from radiolens.training.config import source_and_label
from radiolens.training.gate.feature_set import FeatureSet
from radiolens.training.gate.features import kept_features
from radiolens.training.gate.heads import EPOCHS, fit_heads, logits_of
from radiolens.training.gate.operating_points import shifted, shifts_of
from radiolens.training.gate.recipe import Planned, training_samples, validation_samples
from radiolens.training.gate.samples import (
    DEFECT_NAMES,
    KINDS,
    PictureFile,
    Sample,
    genuine_files,
    plain_sample,
    with_defect,
)

SEED = 0
OF_TWO_HOSPITALS = "tb-collection"
"""Its films with tuberculosis are from other hospitals than those without: they get a row each."""

_DEFECTS = {name: len(KINDS) + place for place, name in enumerate(DEFECT_NAMES)}


@dataclass(frozen=True)
class Row:
    """What was said of one hospital's pictures: shares of them, by what is said of them."""

    group: str
    count: int
    shares: Mapping[str, float]

    def line(self) -> str:
        """Return the row with Wilson's intervals of 95 %."""
        told = []
        for name, share in self.shares.items():
            found = share_interval(round(share * self.count), self.count)
            told.append(f"{name} {found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})")
        return f"{self.group}, {self.count} pictures: " + "; ".join(told)


def main() -> None:
    """Print a line for each hospital."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the collections")
    parser.add_argument("--work", type=Path, default=Path("runs/gate"), help="keeps features; default runs/gate")
    parser.add_argument("--images", type=int, default=150, help="of each source, at most; default 150")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of each fit; default {EPOCHS}, as released")
    given = parser.parse_args()
    progress = stage_progress(sys.stderr)
    planned = training_samples(given.data, SEED)
    asked = kept_features(given.work, "left-out", asked_samples(given.data, given.images, planned.key), progress)
    validation = kept_features(given.work, "validation", validation_samples(given.data, SEED), progress)
    training = kept_features(given.work, "training", planned, progress)
    groups = groups_of(given.data, asked)
    for left_out in folds(training):
        heads = fit_heads(training.part(~np.isin(training.sources, left_out)), SEED, given.epochs, progress)
        known = validation.part(~np.isin(validation.sources, left_out) & (validation.kinds != KINDS.index(Kind.OTHER)))
        said, away = logits_of(heads, known), np.isin(asked.sources, left_out)
        for row in rows(said, known, logits_of(heads, asked.part(away)), asked.part(away), groups[away]):
            print(row.line(), flush=True)


def folds(training: FeatureSet) -> list[tuple[str, ...]]:
    """Return which sources are left out together: one of each kind, as long as another one of the kind stays."""
    genuine = training.families == "genuine"
    by_kind = [
        sorted(set(training.sources[genuine & (training.kinds == kind)].tolist()))
        for kind in np.unique(training.kinds[genuine])
    ]
    several = [sources for sources in by_kind if len(sources) > 1]
    return [
        tuple(sources[fold] for sources in several if fold < len(sources))
        for fold in range(max(map(len, several), default=0))
    ]


def asked_samples(data: Path, largest: int, key: str) -> Planned:
    """Return pictures of every source as they are, inverted, rotated and cropped; `key` is that of the recipe."""
    sources = {case.source for layout, load in LAYOUTS.items() for case in load(data / layout).cases}
    files = genuine_files(data, ["train", "validation"], dict.fromkeys(sources, largest), SEED + 1)
    return Planned(4 * len(files), f"{key}-{largest}", _asked(files, np.random.default_rng(SEED + 1)))


def groups_of(data: Path, asked: FeatureSet) -> NDArray[np.str_]:
    """Return the row each picture belongs to: its source, and with one source also its label."""
    labels = {
        f"{layout}/{case.path}": source_and_label(case)
        for layout, load in LAYOUTS.items()
        for case in load(data / layout).cases
        if case.source == OF_TWO_HOSPITALS
    }
    pairs = zip(asked.names.tolist(), asked.sources.tolist(), strict=True)
    return np.array([labels.get(name, source) for name, source in pairs])


def rows(
    said: NDArray[np.float32],
    known: FeatureSet,
    logits: NDArray[np.float32],
    asked: FeatureSet,
    groups: NDArray[np.str_],
) -> Iterator[Row]:
    """Yield a row for each group of left-out pictures, with limits from the known ones.

    `said` are the logits of `known`, `logits` those of `asked`, in which each picture comes as `asked_samples` says.
    """
    once, twice = (shifted(logits, shifts_of(said, known, looks)) for looks in ((), ("inverted",)))
    for group in sorted(set(groups.tolist())):
        of = {family: (groups == group) & (asked.families == family) for family in ("genuine", *DEFECT_NAMES)}
        genuine, place = of["genuine"], _DEFECTS["inverted"]
        upright, inverse = twice[genuine, place], twice[of["inverted"], place]
        shares = {
            "kind": _believed(logits[genuine], asked.kinds[genuine]),
            "genuine inverted by one look": once[genuine, place] >= 0,
            "found": once[of["inverted"], place] >= 0,
            "genuine inverted by two looks": (upright >= 0) & (upright >= inverse),
            "found so": (inverse >= 0) & (inverse >= upright),
            "genuine looked at twice": upright >= 0,
        }
        for name in ("rotated", "cropped"):
            shares[f"genuine {name}"] = once[genuine, _DEFECTS[name]] >= 0
            shares[f"{name} found"] = once[of[name], _DEFECTS[name]] >= 0
        yield Row(group, int(genuine.sum()), {name: float(found.mean()) for name, found in shares.items()})


def _believed(logits: NDArray[np.float32], kinds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each picture whether its kind is likelier than all others together."""
    every = logits[:, : len(KINDS)]
    own = np.arange(len(KINDS)) == kinds[:, None]
    return np.asarray(every[own] >= np.logaddexp.reduce(np.where(own, -np.inf, every), axis=1))


def _asked(files: Sequence[PictureFile], random: np.random.Generator) -> Iterator[Sample]:
    for file in files:
        picture = file.read()
        yield plain_sample(picture, "genuine", {})
        for name in ("inverted", "rotated", "cropped"):
            yield plain_sample(replace(picture, grey=with_defect(picture, name, random)), name, {})


if __name__ == "__main__":
    main()
