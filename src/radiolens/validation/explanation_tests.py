"""Tests of a bundle's explanations: whether maps find the lesion, hang on the weights, and agree with occlusion."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval

__all__ = ["Agreement", "ExplanationTests", "Localisation", "Prior", "Randomisation"]


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

    `maps` is "activation map" or "occlusion map". `pointing` is the share of cases whose strongest place lies inside
    the mask (the pointing game, Zhang et al. 2018, doi:10.1007/s11263-017-1059-x, without tolerance); `mass` is the
    mean share of the map's sum that lies inside; a map that is zero everywhere counts 0 in both. `area` is the mean
    share of the picture that the masks cover, which a map drawn at random would reach. `patients` counts groups.
    """

    maps: str
    label: str
    cases: int
    patients: int
    area: float
    pointing: Interval
    mass: Interval
    priors: tuple[Prior, ...]


@dataclass(frozen=True)
class Randomisation:
    """How alike activation maps stay when weights are shuffled (Adebayo et al. 2018, arXiv:1810.03292).

    `stage` says which, from the head down, and `layers` how many layers that are. `rank_correlation` (Spearman, over
    the cells of a map, -1 to 1) and `similarity` (SSIM of maps scaled to their maximum, up to 1) compare the map with
    that of the trained network; means over `cases`. A map that hangs on what was learnt gets near 0 in both.
    """

    stage: str
    layers: int
    cases: int
    rank_correlation: Interval
    similarity: Interval


@dataclass(frozen=True)
class Agreement:
    """How far activation maps and occlusion maps of one label order the places alike: mean Spearman, -1 to 1."""

    label: str
    cases: int
    patients: int
    rank_correlation: Interval


@dataclass(frozen=True)
class ExplanationTests:
    """What was found on a bundle's explanations; `verdict` is the sentence that the model card states.

    `method` is that of the bundle. `localisation` is empty where no scored case has a mask. The first entry of
    `localisation` and of `agreement` is of all labels.
    """

    method: str
    localisation: tuple[Localisation, ...]
    randomisation: tuple[Randomisation, ...]
    agreement: tuple[Agreement, ...]
    verdict: str
