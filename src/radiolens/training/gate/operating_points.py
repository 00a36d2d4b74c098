"""Temperatures and limits of the gate, chosen on validation pictures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax

from radiolens.inference.gate_bundle import SECOND_LOOKS
from radiolens.safety.sight import Kind
from radiolens.training.gate.feature_set import NOT_TOLD, FeatureSet
from radiolens.training.gate.samples import DEFECT_NAMES

__all__ = [
    "MISSED_SHARE",
    "REFUSED_SHARE",
    "ROTATED_SHARE",
    "SUSPECTED_SHARE",
    "UNSUSPECTED_SHARE",
    "OperatingPoints",
    "choose",
    "shifted",
    "shifts_of",
    "temperatures",
]

REFUSED_SHARE = 0.003
"""Of genuine validation pictures that a limit may refuse."""

ROTATED_SHARE = 0.008
"""The same of rotation, of each kind: near the vertex a head hardly tells which way up it is."""

MISSED_SHARE = 0.02
"""Of the generated defects of validation pictures that a limit may let pass to keep away from genuine ones."""

SUSPECTED_SHARE = 0.05
"""Of genuine validation pictures of each kind that get a second look at least: it takes as long as the first one."""

UNSUSPECTED_SHARE = 0.01
"""Of the generated defects that may get none. The limit for it lies low: of hospitals that were left out of training, a
second look errs in a few hundredths, and the first one alone does not find half of what is inverted (docs/gate.md)."""

_KINDS = len(Kind)
_LIMITS = {"kind": (0.5, 0.9), "defect": (0.5, 0.98)}
"""Bounds of the limits: a kind is believed if it is likelier than all others together, whatever validation says."""


@dataclass(frozen=True)
class OperatingPoints:
    """Temperatures of the logits, and the limits from which a picture is refused."""

    temperature: Mapping[str, float]
    refuse_from: Mapping[str, float]


def temperatures(logits: NDArray[np.float32], told: FeatureSet) -> Mapping[str, float]:
    """Return the temperatures that make the log loss least (Guo et al. 2017): of the kinds and of each defect."""

    def kinds(log_temperature: float) -> float:
        scaled = log_softmax(logits[:, :_KINDS] / np.exp(log_temperature), axis=1)
        return float(-scaled[np.arange(len(told)), told.kinds].mean())

    found = {"kind": _least(kinds)}
    for place, name in enumerate(DEFECT_NAMES):
        known = told.defects[:, place] != NOT_TOLD
        signs = np.where(told.defects[known, place] == 1, 1.0, -1.0) * logits[known, _KINDS + place]
        found[name] = _least(partial(_log_loss, signs))
    return found


def shifts_of(
    logits: NDArray[np.float32], told: FeatureSet, second_looks: Collection[str] = SECOND_LOOKS
) -> NDArray[np.float32]:
    """Return what is added to the logits of the defects (kinds, defects), so that one limit, 0.5, fits every kind.

    `told` are genuine pictures and the same with defects. Of each kind at most REFUSED_SHARE of the genuine ones
    (ROTATED_SHARE for rotation) may lie beyond the limit. Where a defect is told well, the limit lies as far from them
    as MISSED_SHARE of the defects allows: pictures of other hospitals scatter more than those of known ones. Where a
    second look decides (`second_looks`), SUSPECTED_SHARE of the genuine ones lie beyond it, or more, until
    UNSUSPECTED_SHARE of the defects lie below.
    """
    shifts = np.zeros((_KINDS, len(DEFECT_NAMES)), np.float32)
    genuine = told.families == "genuine"
    for kind in np.unique(told.kinds[genuine]):
        own = genuine & (told.kinds == kind)
        weights = _source_weights(told.sources[own])
        for place, name in enumerate(DEFECT_NAMES):
            having = logits[(told.families == name) & (told.kinds == kind), _KINDS + place]
            limit = _suspicion if name in second_looks else partial(_refusal, _refused_share(name))
            shifts[kind, place] = -limit(logits[own, _KINDS + place], weights, having)
    return shifts


def _suspicion(genuine: NDArray[np.float32], weights: NDArray[np.float64], having: NDArray[np.float32]) -> float:
    """Return the logit from which a picture of one kind is looked at twice."""
    suspected = _upper(genuine, weights, SUSPECTED_SHARE)
    return min(suspected, float(np.quantile(having, UNSUSPECTED_SHARE))) if len(having) else suspected


def _refusal(
    share: float, genuine: NDArray[np.float32], weights: NDArray[np.float64], having: NDArray[np.float32]
) -> float:
    """Return the logit from which a picture of one kind is refused."""
    sure = float(np.quantile(having, MISSED_SHARE)) if len(having) else 0.0
    return max(0.0, _upper(genuine, weights, share), sure)


def _refused_share(name: str) -> float:
    return ROTATED_SHARE if name == "rotated" else REFUSED_SHARE


def shifted(logits: NDArray[np.float32], shifts: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logits (n, kinds and defects) with the shifts added as the whole network adds them."""
    kinds = softmax(logits[:, :_KINDS], axis=1)
    return np.concatenate([logits[:, :_KINDS], logits[:, _KINDS:] + kinds @ shifts], axis=1)


def choose(
    logits: NDArray[np.float32], genuine: FeatureSet, temperature: Mapping[str, float], distance: float
) -> OperatingPoints:
    """Return limits that each refuse REFUSED_SHARE of genuine pictures, every source counting alike, within bounds.

    Where a second look decides it is 0.5, since either the picture or its inverse is the likelier one. `logits` (n,
    kinds and defects) and `genuine` are of pictures without a defect; `distance` is the limit of that.
    """
    weights = _source_weights(genuine.sources)
    scaled = logits[:, :_KINDS] / temperature["kind"]
    right = np.exp(log_softmax(scaled, axis=1))[np.arange(len(genuine)), genuine.kinds]
    limits = {"kind": float(np.clip(-_upper(-right, weights), *_LIMITS["kind"]))}
    for place, name in enumerate(DEFECT_NAMES):
        if name in SECOND_LOOKS:
            limits[name] = 0.5
            continue
        said = expit(logits[:, _KINDS + place] / temperature[name])
        limits[name] = float(np.clip(_upper(said, weights, _refused_share(name)), *_LIMITS["defect"]))
    return OperatingPoints(
        temperature, {name: round(value, 4) for name, value in (limits | {"distance": distance}).items()}
    )


def _upper(values: NDArray[np.floating], weights: NDArray[np.float64], share: float = REFUSED_SHARE) -> float:
    """Return the value that this weighted share lies above."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(below, 1 - share)])


def _source_weights(sources: NDArray[np.str_]) -> NDArray[np.float64]:
    names, places, counts = np.unique(sources, return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(names) * counts[places]), np.float64)


def _log_loss(margins: NDArray[np.float64], log_temperature: float) -> float:
    """Return the log loss of margins: logits that are positive where the answer is right."""
    return float(np.logaddexp(0, -margins / np.exp(log_temperature)).mean())


def _least(loss: Callable[[float], float]) -> float:
    """Return the temperature of least loss, between a quarter and four."""
    found = minimize_scalar(loss, bounds=(np.log(0.25), np.log(4.0)), method="bounded")
    return round(float(np.exp(found.x)), 4)
