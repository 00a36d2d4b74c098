"""Do maps find what is masked? The pointing game and the mass inside, against maps that never saw the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from radiolens.evaluation.intervals import Interval, clustered_share_interval
from radiolens.imaging.resample import resize
from radiolens.validation.grouped_intervals import grouped_means
from radiolens.validation.plan import Plan

__all__ = [
    "ANY_LABEL",
    "CENTRE",
    "MEAN_MASK",
    "NEAR",
    "Found",
    "Localisation",
    "Marked",
    "Prior",
    "centre_map",
    "find",
    "localisations",
]

ANY_LABEL = "all"
CENTRE = "image centre"
MEAN_MASK = "mean mask"

NEAR = 15 / 224
"""Of the longer side: within 15 pixels of 224 a place still counts as near, as in the paper of the pointing game. It is
half a cell of a 7 x 7 map, which cannot point more exactly."""

_CENTRE_SPREAD = 0.25
"""Standard deviation of the centre prior, of a side: two thirds of it lie in the middle half of the picture."""


@dataclass(frozen=True)
class Prior:
    """What a map that never saw the image reaches on the same masks, and how much more the tested maps reach.

    `name` is "image centre" or "mean mask" (of training cases with the same label). The differences are the tested
    maps' share less the prior's, paired by case: above 0 the maps are better.
    """

    name: str
    pointing: Interval
    near: Interval
    mass: Interval
    pointing_difference: Interval
    near_difference: Interval
    mass_difference: Interval


@dataclass(frozen=True)
class Localisation:
    """How well one kind of map finds what is masked, on all cases of `label` that have a mask ("all": of any label).

    `maps` is "activation map" or "occlusion map". `pointing` is the share of cases in which the centre of the map's
    strongest cell lies inside the mask (the pointing game, Zhang et al. 2018, doi:10.1007/s11263-017-1059-x, without
    tolerance), `near` that in which it lies at most NEAR off; `mass` is the mean share of the map's sum that lies
    inside; a map that is zero everywhere counts 0 in all. `area` is the mean share of the picture that the masks cover,
    which a map drawn at random would reach. `patients` counts groups; where the data set names no patients each image
    counts as one, and intervals are narrower than they should be.
    """

    maps: str
    label: str
    cases: int
    patients: int
    area: float
    pointing: Interval
    near: Interval
    mass: Interval
    priors: tuple[Prior, ...]


@dataclass(frozen=True, eq=False)
class Marked:
    """Cases with masks, row by row: `labels`, `groups` (n,) of patients as numbers, `masks` (n, rows, columns)."""

    labels: tuple[str, ...]
    groups: NDArray[np.intp]
    masks: NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What one map found: whether it points into the mask, or near it, and the share of its sum inside, 0 to 1."""

    pointing: bool
    near: bool
    mass: float


_MEASURES = ("pointing", "near", "mass")

_Values = Mapping[str, NDArray[np.float64]]
"""Of each measure one value per case (n,)."""


def localisations(
    kind: str, maps: NDArray[np.float32], marked: Marked, mean_masks: Mapping[str, NDArray[np.float64]], plan: Plan
) -> tuple[Localisation, ...]:
    """Return what maps (n, h, w) of each case's label find: on all cases first, then by label if there are several.

    `mean_masks` holds by label the mean of training masks (rows, columns), and under ANY_LABEL that of all, for labels
    without any; if it is empty, the prior is left out.
    """
    found = _all_found(maps, marked.masks)
    priors = {CENTRE: _same_found(centre_map(*marked.masks.shape[1:]), marked.masks)}
    if mean_masks:
        each = np.stack([mean_masks.get(label, mean_masks[ANY_LABEL]) for label in marked.labels])
        priors[MEAN_MASK] = _all_found(each.astype(np.float32), marked.masks)
    return tuple(
        _localisation(kind, name, rows, found, priors, marked, plan) for name, rows in _by_label(marked.labels)
    )


def find(values: NDArray[np.floating], mask: NDArray[np.bool_]) -> Found:
    """Return what a map (h, w), 0 and above, finds of a mask (rows, columns) that is not empty.

    The map covers the same frame as the mask, at any size. A map of zeros finds nothing.
    """
    if not values.any():
        return Found(pointing=False, near=False, mass=0.0)
    strongest = np.unravel_index(int(values.argmax()), values.shape)
    sides = zip(strongest, values.shape, mask.shape, strict=True)
    place = tuple(int((cell + 0.5) / cells * side) for cell, cells, side in sides)
    shown = resize(np.asarray(values, np.float32), *mask.shape).astype(np.float64)  # as the page lays it over
    return Found(
        pointing=bool(mask[place]),
        near=bool(distance_transform_edt(~mask)[place] <= NEAR * max(mask.shape)),
        mass=float(shown[mask].sum() / shown.sum()),
    )


def centre_map(rows: int, columns: int) -> NDArray[np.float32]:
    """Return the prior that a lesion lies in the middle: a Gaussian whose spread is a quarter of each side."""
    y, x = ((np.arange(side) + 0.5) / side - 0.5 for side in (rows, columns))
    values: NDArray[np.float32] = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / (2 * _CENTRE_SPREAD**2)).astype(np.float32)
    return values


def _localisation(
    kind: str,
    name: str,
    rows: NDArray[np.intp],
    found: _Values,
    priors: Mapping[str, _Values],
    marked: Marked,
    plan: Plan,
) -> Localisation:
    groups = marked.groups[rows]
    own = {measure: values[rows] for measure, values in found.items()}
    return Localisation(
        maps=kind,
        label=name,
        cases=len(rows),
        patients=len(np.unique(groups)),
        area=float(marked.masks[rows].mean()),
        **_intervals(own, groups, plan),
        priors=tuple(
            _prior(prior, own, {measure: values[rows] for measure, values in other.items()}, groups, plan)
            for prior, other in priors.items()
        ),
    )


def _prior(name: str, own: _Values, prior: _Values, groups: NDArray[np.intp], plan: Plan) -> Prior:
    differences = {f"{measure}_difference": own[measure] - prior[measure] for measure in _MEASURES}
    return Prior(name=name, **_intervals(prior, groups, plan), **grouped_means(differences, groups, plan))


def _intervals(values: _Values, groups: NDArray[np.intp], plan: Plan) -> dict[str, Interval]:
    return {
        "pointing": clustered_share_interval(values["pointing"], groups),
        "near": clustered_share_interval(values["near"], groups),
        **grouped_means({"mass": values["mass"]}, groups, plan),
    }


def _all_found(maps: NDArray[np.floating], masks: NDArray[np.bool_]) -> _Values:
    found = [find(values, mask) for values, mask in zip(maps, masks, strict=True)]
    return {measure: np.asarray([getattr(each, measure) for each in found], np.float64) for measure in _MEASURES}


def _same_found(values: NDArray[np.floating], masks: NDArray[np.bool_]) -> _Values:
    return _all_found(np.broadcast_to(values, (len(masks), *values.shape)), masks)


def _by_label(labels: Sequence[str]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    yield ANY_LABEL, np.arange(len(labels))
    names = sorted(set(labels))
    for name in names if len(names) > 1 else ():
        yield name, np.flatnonzero(np.asarray(labels) == name)
