"""Do maps find what is masked? The pointing game and the mass inside, against maps that never saw the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.intervals import Interval
from radiolens.imaging.resample import resize
from radiolens.validation.grouped_intervals import grouped_mean, grouped_share
from radiolens.validation.plan import Plan

__all__ = ["ANY_LABEL", "CENTRE", "MEAN_MASK", "Localisation", "Marked", "Prior", "centre_map", "find", "localisations"]

ANY_LABEL = "all"
CENTRE = "image centre"
MEAN_MASK = "mean mask"

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
    mass: Interval
    pointing_difference: Interval
    mass_difference: Interval


@dataclass(frozen=True)
class Localisation:
    """How well one kind of map finds what is masked, on all cases of `label` that have a mask ("all": of any label).

    `maps` is "activation map" or "occlusion map". `pointing` is the share of cases in which the centre of the map's
    strongest cell lies inside the mask (the pointing game, Zhang et al. 2018, doi:10.1007/s11263-017-1059-x, without
    tolerance); `mass` is the mean share of the map's sum that lies inside; a map that is zero everywhere counts 0 in
    both. `area` is the mean share of the picture that the masks cover, which a map drawn at random would reach.
    `patients` counts groups; where the data set names no patients each image counts as one, and intervals are narrower
    than they should be.
    """

    maps: str
    label: str
    cases: int
    patients: int
    area: float
    pointing: Interval
    mass: Interval
    priors: tuple[Prior, ...]


@dataclass(frozen=True, eq=False)
class Marked:
    """Cases with masks, row by row: `labels`, `groups` (n,) of patients as numbers, `masks` (n, rows, columns)."""

    labels: tuple[str, ...]
    groups: NDArray[np.intp]
    masks: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Found:
    """Of each case whether the map pointed into the mask, and the share of the map inside."""

    pointed: NDArray[np.bool_]
    inside: NDArray[np.float64]

    def part(self, rows: NDArray[np.intp]) -> _Found:
        return _Found(self.pointed[rows], self.inside[rows])


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


def find(values: NDArray[np.floating], mask: NDArray[np.bool_]) -> tuple[bool, float]:
    """Return whether a map (h, w), 0 and above, is strongest inside a mask (rows, columns), and its share inside.

    The map covers the same frame as the mask, at any size. It is (False, 0.0) for a map of zeros.
    """
    if not values.any():
        return False, 0.0
    strongest = np.unravel_index(int(values.argmax()), values.shape)
    row, column = (
        int((place + 0.5) / cells * side)
        for place, cells, side in zip(strongest, values.shape, mask.shape, strict=True)
    )
    shown = resize(np.asarray(values, np.float32), *mask.shape).astype(np.float64)  # as the page lays it over
    return bool(mask[row, column]), float(shown[mask].sum() / shown.sum())


def centre_map(rows: int, columns: int) -> NDArray[np.float32]:
    """Return the prior that a lesion lies in the middle: a Gaussian whose spread is a quarter of each side."""
    y, x = ((np.arange(side) + 0.5) / side - 0.5 for side in (rows, columns))
    values: NDArray[np.float32] = np.exp(-(y[:, np.newaxis] ** 2 + x**2) / (2 * _CENTRE_SPREAD**2)).astype(np.float32)
    return values


def _localisation(
    kind: str,
    name: str,
    rows: NDArray[np.intp],
    found: _Found,
    priors: Mapping[str, _Found],
    marked: Marked,
    plan: Plan,
) -> Localisation:
    own, groups = found.part(rows), marked.groups[rows]
    return Localisation(
        maps=kind,
        label=name,
        cases=len(rows),
        patients=len(np.unique(groups)),
        area=float(marked.masks[rows].mean()),
        pointing=grouped_share(own.pointed, groups, plan),
        mass=grouped_mean(own.inside, groups, plan),
        priors=tuple(_prior(prior, own, other.part(rows), groups, plan) for prior, other in priors.items()),
    )


def _prior(name: str, own: _Found, prior: _Found, groups: NDArray[np.intp], plan: Plan) -> Prior:
    return Prior(
        name=name,
        pointing=grouped_share(prior.pointed, groups, plan),
        mass=grouped_mean(prior.inside, groups, plan),
        pointing_difference=grouped_mean(own.pointed.astype(np.float64) - prior.pointed, groups, plan),
        mass_difference=grouped_mean(own.inside - prior.inside, groups, plan),
    )


def _all_found(maps: NDArray[np.floating], masks: NDArray[np.bool_]) -> _Found:
    found = [find(values, mask) for values, mask in zip(maps, masks, strict=True)]
    return _Found(np.asarray([hit for hit, _ in found], bool), np.asarray([share for _, share in found], np.float64))


def _same_found(values: NDArray[np.floating], masks: NDArray[np.bool_]) -> _Found:
    return _all_found(np.broadcast_to(values, (len(masks), *values.shape)), masks)


def _by_label(labels: Sequence[str]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    yield ANY_LABEL, np.arange(len(labels))
    names = sorted(set(labels))
    for name in names if len(names) > 1 else ():
        yield name, np.flatnonzero(np.asarray(labels) == name)
