"""What variants are judged by: grouped validation, and sources that a fit has never seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from radiolens.validation.controls.feature_questions import TYPE
from radiolens.validation.questions import ANY_FINDING, truth
from radiolens.validation.variants.sample import Sample

__all__ = ["Trial", "Trials", "trials_of"]

_Rows = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Trial:
    """One fit and what it judges: `fitted` and `judged` (n,) tell the cases; no unit stands in both."""

    fitted: _Rows
    judged: _Rows


@dataclass(frozen=True, eq=False)
class Trials:
    """One line of the comparison.

    `name` says what is told from what, `unseen` which source no fit saw (empty: grouped validation). `answers` (n,) are
    what is fitted, as numbers from 0 of `labels` labels, -1 where not annotated; `asked` (n,) what is judged, likewise.
    `target` is the AUROC that is best: 1, or 0.5 where a difference would be of the hospital alone.
    """

    name: str
    unseen: str
    finding: str
    labels: int
    answers: NDArray[np.intp]
    asked: NDArray[np.intp]
    trials: tuple[Trial, ...]
    target: float = 1.0


def trials_of(sample: Sample) -> tuple[Trials, ...]:
    """Return the lines of the sample's task; a task that is not known has none."""
    lines = _LINES.get(sample.manifest.task.name)
    return tuple(lines(sample)) if lines else ()


def _chest(sample: Sample) -> Iterator[Trials]:
    guangzhou, nih, collection = (sample.sources == name for name in ("guangzhou", "nih", "tb-collection"))
    everyone = guangzhou | nih | collection
    pneumonia, tuberculosis = (_truth(sample, name) for name in ("pneumonia", "tuberculosis"))
    grouped = _by_fold(sample, everyone, everyone)
    for name, among in (("NIH", nih), ("Guangzhou", guangzhou)):
        yield _binary(f"pneumonia, {name}", "", "pneumonia", pneumonia, _only(pneumonia, among), grouped)
        never = (Trial(everyone & ~among, among),)
        yield _binary(f"pneumonia, {name}", name.lower(), "pneumonia", pneumonia, _only(pneumonia, among), never)
    # Normals of a third hospital among the negatives: do they look ill to a fit that has never seen it?
    third = np.where(collection & (pneumonia == 0), 0, np.where(nih & (pneumonia == 1), 1, -1))
    unseen = _by_fold(sample, guangzhou | nih, nih | collection)
    yield _binary(
        "pneumonia of NIH against the collection's normals", "tb-collection", "pneumonia", pneumonia, third, unseen
    )
    yield from _tuberculosis(sample, pneumonia, tuberculosis)


def _tuberculosis(sample: Sample, pneumonia: NDArray[np.intp], tuberculosis: NDArray[np.intp]) -> Iterator[Trials]:
    guangzhou, nih, collection = (sample.sources == name for name in ("guangzhou", "nih", "tb-collection"))

    def line(name: str, unseen: str, asked: NDArray[np.intp], without: _Rows, target: float = 1.0) -> Trials:
        cut = _by_fold(sample, (collection | guangzhou | nih) & ~without, collection | nih | guangzhou)
        return _binary(name, unseen, "tuberculosis", tuberculosis, asked, cut, target)

    nobody = np.zeros(len(tuberculosis), bool)
    yield line("tuberculosis, collection", "", _only(tuberculosis, collection), nobody)
    for name, among, films, ill in (
        ("NIH", nih, "normals", 0),
        ("NIH", nih, "pneumonia", 1),
        ("Guangzhou", guangzhou, "normals", 0),
    ):
        asked = np.where(among & (pneumonia == ill), 0, np.where(tuberculosis == 1, 1, -1))
        yield line(f"tuberculosis against {name} {films}", name.lower(), asked, among)
    shift = np.where(nih & (pneumonia == 0), 0, np.where(tuberculosis == 0, 1, -1))
    yield line("tuberculosis score: collection's normals against NIH normals", "nih", shift, nih, target=0.5)


def _mri(sample: Sample) -> Iterator[Trials]:
    figshare, web = (sample.sources == name for name in ("figshare", "web"))
    everyone = figshare | web
    types = tuple(label.name for label in sample.manifest.task.labels if not label.normal)
    known = [next(iter(case.possible)) if len(case.possible) == 1 else "" for case in sample.cases]
    of_type = np.asarray([types.index(name) if name in types else -1 for name in known], np.intp)
    tumour = _truth(sample, ANY_FINDING)
    grouped = _by_fold(sample, everyone, everyone)
    yield Trials("tumour type, figshare", "", TYPE, len(types), of_type, _only(of_type, figshare), grouped)
    yield Trials("tumour type, web", "web", TYPE, len(types), of_type, _only(of_type, web), (Trial(figshare, web),))
    yield _binary("tumour, web", "", ANY_FINDING, tumour, _only(tumour, web), grouped)
    ours = _by_fold(sample, figshare | (web & (tumour == 0)), web)
    yield _binary("tumour, web", "tumours of the web", ANY_FINDING, tumour, _only(tumour, web), ours)


def _ct(sample: Sample) -> Iterator[Trials]:
    sich, normal = sample.sources == "sich", sample.normal_heads
    haemorrhage = _truth(sample, "haemorrhage")
    grouped = _by_fold(sample, sich, sich | normal)
    yield _binary("haemorrhage, sich", "", "haemorrhage", haemorrhage, _only(haemorrhage, sich), grouped)
    against = np.where(normal, 0, np.where(haemorrhage == 1, 1, -1))
    yield _binary("haemorrhage against normal heads", "stroke", "haemorrhage", haemorrhage, against, grouped)
    shift = np.where(normal, 0, np.where(haemorrhage == 0, 1, -1))
    yield _binary(
        "haemorrhage score: sich without against normal heads",
        "stroke",
        "haemorrhage",
        haemorrhage,
        shift,
        grouped,
        0.5,
    )


_LINES: Mapping[str, Callable[[Sample], Iterator[Trials]]] = MappingProxyType(
    {"chest-xray": _chest, "brain-mri": _mri, "brain-ct": _ct}
)


def _binary(
    name: str,
    unseen: str,
    finding: str,
    answers: NDArray[np.intp],
    asked: NDArray[np.intp],
    trials: tuple[Trial, ...],
    target: float = 1.0,
) -> Trials:
    return Trials(name, unseen, finding, 2, answers, np.asarray(asked, np.intp), trials, target)


def _by_fold(sample: Sample, fitted: _Rows, judged: _Rows) -> tuple[Trial, ...]:
    return tuple(
        Trial(fitted & (sample.folds != fold), judged & (sample.folds == fold)) for fold in np.unique(sample.folds)
    )


def _only(answers: NDArray[np.intp], among: _Rows) -> NDArray[np.intp]:
    return np.where(among, answers, -1)


def _truth(sample: Sample, name: str) -> NDArray[np.intp]:
    return truth(sample.manifest.task, name, sample.cases).astype(np.intp)
