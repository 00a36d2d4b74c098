"""How many brain MR pictures of the web hang upside down, and what the released networks make of it.

    .venv/bin/python -m benchmarks.upside_down ../shared/data --work runs/gate   # six minutes on 2 idle cores

Training and validation splits only. Every picture is learnt as it came and turned by half, the latter as turned. Where
most hang upright, heads that are fitted so say of a picture that they have not seen which of the two they rather
believe. Those that seem turned as they came change places, and new heads are surer of all the others. Look-alikes are
on one side of each cut, slices of figshare hang upright and stay so.

trial      the same among slices of figshare, of which a quarter is turned by half first: how many of them are found
labels     of the web's pictures, the share that is found to hang upside down, by label
gate       of its validation pictures, the share that the released gate refuses as rotated, as they came and turned
network    the AUROC of a tumour among them, as they came and turned by half, and of hanging upside down alone
"""

from __future__ import annotations

import argparse
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.gate_left_out import Row
from benchmarks.gate_on_validation import refused_by
from radiolens.bundle import RELEASED
from radiolens.cli.stages import stage_progress
from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources import LAYOUTS
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.within_folds import auroc_within_folds
from radiolens.imaging.preprocess import grey_levels
from radiolens.imaging.read import decode
from radiolens.inference.engine import Engine
from radiolens.training.config import source_and_label
from radiolens.training.gate.feature_set import NOT_TOLD, FeatureSet
from radiolens.training.gate.features import kept_features
from radiolens.training.gate.heads import fit_heads, logits_of
from radiolens.training.gate.recipe import Planned
from radiolens.training.gate.samples import (
    DEFECT_NAMES,
    KINDS,
    Picture,
    Sample,
    genuine_pictures,
    genuine_sample,
    plain_sample,
)

SEED = 0
WEB, SLICES = "web", "figshare"
LARGEST = 1000  # slices
TURNED = 0.25  # of these, in the trial
ROUNDS, FOLDS, EPOCHS = 4, 3, 6
CHANGED = 4  # looks at each picture as another clinic may send it, each way up, beside one as it is

Progress = Callable[[str, int, int], None]


def main() -> None:
    """Print a line for each half of the trial, each label, each way up, and each question to the network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of the collections")
    parser.add_argument("--work", type=Path, default=Path("runs/gate"), help="keeps features; default runs/gate")
    given = parser.parse_args()
    manifest, progress = LAYOUTS["brain-mri"](given.data / "brain-mri"), stage_progress(sys.stderr)
    for row in trial_rows(given.data, given.work, progress):
        print(row.line(), flush=True)
    used = [case for case in manifest.cases if case.source == WEB and case.split in ("train", "validation")]
    found = upside_down(given.data, manifest, given.work, progress)
    down = np.array([case.path in found for case in used])
    for row in label_rows(used, down):
        print(row.line(), flush=True)
    held_out = np.array([case.split == "validation" for case in used])
    cases, down = [case for case, own in zip(used, held_out, strict=True) if own], down[held_out]
    for row in gate_rows(next((RELEASED / "gate").iterdir()), manifest, cases, down):
        print(row.line(), flush=True)
    for name, told in network_rows(next((RELEASED / "brain-mri").iterdir()), manifest, cases, down).items():
        print(f"tumour among web pictures, {name}: AUROC {told.estimate:.3f} ({told.low:.3f} to {told.high:.3f})")


def trial_rows(data: Path, work: Path, progress: Progress) -> Iterator[Row]:
    """Yield what share is found of slices that were turned by half, and of those that were not."""
    pictures = list(genuine_pictures(data, ["train", "validation"], {SLICES: LARGEST}, SEED))
    turned = np.random.default_rng(SEED).random(len(pictures)) < TURNED
    came = [half_turned(one) if half else one for one, half in zip(pictures, turned, strict=True)]
    looks = kept_features(work, "trial", looks_at(came), progress)
    found = found_upside_down(looks, np.arange(len(came)) % FOLDS, np.ones(len(came), bool), progress)
    for name, of in (("slices turned by half", turned), ("slices as they came", ~turned)):
        yield Row(name, int(of.sum()), {"found upside down": float(found[of].mean())})


def upside_down(data: Path, manifest: Manifest, work: Path, progress: Progress) -> frozenset[str]:
    """Return the paths of the web's training and validation pictures that seem to hang upside down."""
    counts = {WEB: len(manifest.cases), SLICES: LARGEST}
    pictures = list(genuine_pictures(data, ["train", "validation"], counts, SEED))
    paths = [one.name.removeprefix("brain-mri/") for one in pictures]
    looks = kept_features(work, "hanging", looks_at(pictures), progress)
    alike = {case.path: case.duplicate_group or case.path for case in manifest.cases}
    folds = np.array([zlib.crc32(alike[path].encode()) % FOLDS for path in paths])
    asked = np.array([one.source == WEB for one in pictures])
    found = found_upside_down(looks, folds, asked, progress)
    return frozenset(path for path, down in zip(paths, found, strict=True) if down)


def found_upside_down(
    looks: FeatureSet, folds: NDArray[np.int64], asked: NDArray[np.bool_], progress: Progress
) -> NDArray[np.bool_]:
    """Return which of n pictures seem upside down, of those that are asked about (n); the others hang upright.

    `looks` are those of `looks_at`. What heads say of a picture of one of `folds` (n), those say that saw the others.
    """
    pictures, each = len(folds), len(looks) // len(folds)
    picture, half = np.repeat(np.arange(pictures), each), np.tile(np.arange(each) >= each // 2, pictures)
    plain, rotated = np.tile(np.arange(each) % (each // 2) == 0, pictures), DEFECT_NAMES.index("rotated")
    turned = np.zeros(pictures, bool)
    for number in range(ROUNDS):
        defects = np.full((len(looks), len(DEFECT_NAMES)), NOT_TOLD, np.int8)
        defects[:, rotated] = half != turned[picture]
        told, margin = replace(looks, defects=defects), np.zeros(pictures)
        for fold in np.unique(folds):
            heads = fit_heads(told.part((folds != fold)[picture]), SEED + number, EPOCHS)
            said = logits_of(heads, told.part((folds == fold)[picture] & plain))[:, len(KINDS) + rotated]
            margin[folds == fold] = said[::2] - said[1::2]
        turned = (margin > 0) & asked
        progress("finding what hangs upside down", number + 1, ROUNDS)
    return turned


def looks_at(pictures: Sequence[Picture]) -> Planned:
    """Return looks at each picture as it came, then as many turned by half, each time first as it is."""
    named = "/".join(f"{one.name}:{zlib.crc32(one.grey.tobytes())}" for one in pictures)
    key = f"{zlib.crc32(named.encode()):08x}-{CHANGED}-{SEED}"
    return Planned(2 * (1 + CHANGED) * len(pictures), key, _looks(pictures))


def _looks(pictures: Sequence[Picture]) -> Iterator[Sample]:
    random = np.random.default_rng(SEED)
    for came in pictures:
        for picture in (came, half_turned(came)):
            yield plain_sample(picture, "plain", {})
            yield from (genuine_sample(picture, random) for _ in range(CHANGED))


def half_turned(picture: Picture) -> Picture:
    """Return a picture turned by half."""
    return replace(picture, grey=np.ascontiguousarray(np.rot90(picture.grey, 2)))


def label_rows(cases: Sequence[Case], down: NDArray[np.bool_]) -> Iterator[Row]:
    """Yield what share of the cases of each label, and of all, hangs upside down."""
    labels = np.array([source_and_label(case) for case in cases])
    for label in (*sorted(set(labels.tolist())), "all"):
        of = (labels == label) | (label == "all")
        yield Row(label, int(of.sum()), {"hang upside down": float(down[of].mean())})


def gate_rows(folder: Path, manifest: Manifest, cases: Sequence[Case], down: NDArray[np.bool_]) -> Iterator[Row]:
    """Yield what share a gate refuses as rotated of cases that hang upside down and of others, each way up."""
    wanted = {f"brain-mri/{case.path}" for case in cases}
    pictures = genuine_pictures(manifest.file.parent.parent, ["validation"], {WEB: len(manifest.cases)}, SEED)
    by_name = {one.name: one for one in pictures if one.name in wanted}
    ordered = [by_name[f"brain-mri/{case.path}"] for case in cases]
    for way, shown in (("as they came", ordered), ("turned by half", [half_turned(one) for one in ordered])):
        refused = refused_by(folder, [plain_sample(one, "genuine", {}) for one in shown])
        for name, of in (("upside down", down), ("upright", ~down)):
            share = float(refused[of, DEFECT_NAMES.index("rotated")].mean())
            yield Row(f"web pictures that hang {name}, {way}", int(of.sum()), {"refused as rotated": share})


def network_rows(
    folder: Path, manifest: Manifest, cases: Sequence[Case], down: NDArray[np.bool_]
) -> Mapping[str, Interval]:
    """Return the AUROC of a tumour among cases, by what tells it: the network each way up, or how they hang."""
    engine = Engine.open(folder)
    size, none = engine.bundle.preprocessing, engine.bundle.labels.index("no_tumour")
    read = (decode([manifest.path(case).read_bytes()]) for case in cases)
    grey = np.stack([grey_levels(image.pixels[0], image.unit, size) for image in read])
    half = np.ascontiguousarray(np.rot90(grey, 2, axes=(1, 2)))
    as_came, turned = (1 - engine.probabilities(engine.logits(shown))[:, none] for shown in (grey, half))
    told = {
        "as they came": as_came,
        "turned by half": turned,
        "all upright": np.where(down, turned, as_came),
        "all upside down": np.where(down, as_came, turned),
        "by how they hang alone": down.astype(np.float64),
    }
    tumour = np.array([case.possible != {"no_tumour"} for case in cases])
    groups = [case.duplicate_group or case.path for case in cases]
    one_fold = np.zeros(len(cases))
    return {name: auroc_within_folds(tumour, scores, one_fold, groups) for name, scores in told.items()}


if __name__ == "__main__":
    main()
