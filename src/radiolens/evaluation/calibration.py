"""How far probabilities can be taken at their word, and the temperature and bias that make them so."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize, minimize_scalar

from radiolens.evaluation.discrimination import binary
from radiolens.evaluation.link import Floats, probabilities

__all__ = [
    "BINS",
    "Bin",
    "bin_numbers",
    "brier_score",
    "checked_probabilities",
    "expected_calibration_error",
    "fit_platt",
    "fit_temperature",
    "log_loss",
    "reliability_bins",
]

BINS = 15
"""As in Guo et al. 2017, so that figures can be compared."""

_TEMPERATURES = 0.05, 20.0
"""Beyond these a network is separable on the validation part or without use; the fit then ends at the bound."""

_LARGEST_BIAS = 10.0
"""In log-odds; more is only found where a handful of cases tell nothing."""

_SMALLEST = 1e-12
"""The least probability in a log-loss: a certain error costs 28, not infinity."""


@dataclass(frozen=True)
class Bin:
    """One point of a reliability curve: mean probability, observed share of positives, number of cases."""

    probability: float
    observed: float
    count: int


def checked_probabilities(labels: ArrayLike, probability: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return labels as booleans and probabilities as float64, both (n,).

    Raises ValueError as `discrimination.binary` does, and if a probability is not 0 to 1.
    """
    positive, predicted = binary(labels, probability)
    if predicted.size and not (predicted.min() >= 0.0 and predicted.max() <= 1.0):
        raise ValueError(f"probabilities must be 0 to 1, found {predicted.min():g} to {predicted.max():g}")
    return positive, predicted


def brier_score(labels: ArrayLike, probability: ArrayLike) -> float:
    """Return the mean squared error of probabilities, 0 to 1; lower is better (Brier 1950). nan of nothing."""
    positive, predicted = checked_probabilities(labels, probability)
    return float(np.mean((predicted - positive) ** 2)) if positive.size else nan


def reliability_bins(
    labels: ArrayLike, probability: ArrayLike, bins: int = BINS, *, equal_mass: bool = True
) -> tuple[Bin, ...]:
    """Return the points of a reliability curve in order of probability, empty bins left out.

    Equal-mass bins hold the same number of cases, though never part of a tie; equal-width bins the same range.
    """
    positive, predicted = checked_probabilities(labels, probability)
    if not positive.size:
        return ()
    numbers = bin_numbers(predicted, bins, equal_mass=equal_mass)
    parts = (numbers == number for number in np.unique(numbers))
    return tuple(Bin(float(predicted[at].mean()), float(positive[at].mean()), int(at.sum())) for at in parts)


def bin_numbers(probability: NDArray[np.float64], bins: int = BINS, *, equal_mass: bool = True) -> NDArray[np.intp]:
    """Return the bin of each probability (n,), counted from 0 in their order; n is at least 1."""
    inner = np.arange(1, bins) / bins
    edges = np.quantile(probability, inner) if equal_mass else inner
    return np.asarray(np.searchsorted(edges, probability), np.intp)


def expected_calibration_error(
    labels: ArrayLike, probability: ArrayLike, bins: int = BINS, *, equal_mass: bool = True
) -> float:
    """Return the mean distance of probability and observed share over bins, 0 to 1; lower is better. nan of nothing.

    Naeini et al. 2015 (doi:10.1609/aaai.v29i1.9602); equal-mass bins are the less biased (Roelofs et al. 2022,
    arXiv:2012.08668). With few cases it is above 0 even for perfect probabilities.
    """
    points = reliability_bins(labels, probability, bins, equal_mass=equal_mass)
    total = sum(point.count for point in points)
    return sum(abs(point.probability - point.observed) * point.count for point in points) / total if total else nan


def log_loss(
    predicted: NDArray[np.float64],
    targets: NDArray[np.floating],
    *,
    exclusive: bool,
    weights: NDArray[np.floating] | None = None,
) -> float:
    """Return the mean log-loss of probabilities (n, labels); lower is better, nan of nothing.

    `targets` (n, labels) may be partial. Independent findings: 1 present, 0 absent, -1 not annotated, which is left
    out. Exclusive labels: 1 for each label that is possible, 0 for the others; a case costs minus the logarithm of the
    summed probability of its possible labels. `weights` make it a weighted mean: (n, labels) for findings, (n,) for
    exclusive labels.
    """
    if exclusive:
        told = targets.sum(axis=1) > 0
        likelihood = (predicted * targets).sum(axis=1)
    else:
        told = targets >= 0
        likelihood = np.where(targets > 0, predicted, 1.0 - predicted)
    weighing = np.ones(told.shape) if weights is None else np.asarray(weights, np.float64)
    if weighing.shape != told.shape:
        raise ValueError(f"weights must be {told.shape}, found {weighing.shape}")
    costs = -np.log(np.clip(likelihood[told], _SMALLEST, 1.0))
    return float(np.average(costs, weights=weighing[told])) if weighing[told].any() else nan


def fit_platt(
    logits: Floats, targets: NDArray[np.floating], weights: NDArray[np.floating] | None = None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return temperature and bias of each independent finding that minimise the log-loss of logits (n, labels).

    The probability of a finding is the sigmoid of its logit divided by the temperature, plus the bias (Platt 1999,
    Probabilistic Outputs for Support Vector Machines, without his smoothing of the targets). Targets and weights are as
    in `log_loss`. Raises ValueError if a label has no case that could tell.
    """
    _check_shapes(logits, targets)
    weighing = np.ones(targets.shape) if weights is None else np.asarray(weights, np.float64)
    fitted = [
        _platt_of(logits[:, label], targets[:, label], weighing[:, label], label) for label in range(logits.shape[1])
    ]
    return tuple(temperature for temperature, _ in fitted), tuple(bias for _, bias in fitted)


def _platt_of(
    logits: Floats, targets: NDArray[np.floating], weights: NDArray[np.float64], label: int
) -> tuple[float, float]:
    _check_sides(targets, label)
    told = targets >= 0
    values, present = np.asarray(logits[told], np.float64), targets[told] > 0
    share = weights[told] / weights[told].sum()

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the log-loss of slope and bias, which is convex in them, and its gradient."""
        scaled = line[0] * values + line[1]
        over = probabilities(scaled, 1.0, exclusive=False) - present
        cost = np.logaddexp(0.0, scaled) - present * scaled
        return float(share @ cost), np.asarray([share @ (over * values), share @ over])

    slopes = tuple(1 / temperature for temperature in reversed(_TEMPERATURES))
    bounds = (slopes, (-_LARGEST_BIAS, _LARGEST_BIAS))
    found = minimize(loss, np.asarray([1.0, 0.0]), jac=True, bounds=bounds, method="L-BFGS-B", tol=1e-12)
    return float(1 / found.x[0]), float(found.x[1])


def fit_temperature(
    logits: Floats,
    targets: NDArray[np.floating],
    *,
    exclusive: bool,
    weights: NDArray[np.floating] | None = None,
) -> tuple[float, ...]:
    """Return the temperature of each label that minimises the log-loss of logits (n, labels) against `targets`.

    Targets and weights are as in `log_loss`. Independent findings get one each, exclusive labels share one (Guo et al.
    2017, arXiv:1706.04599). Raises ValueError if a label has no case that could tell.
    """
    _check_shapes(logits, targets)
    count = logits.shape[1]
    if not exclusive:
        return tuple(
            _temperature_of(logits, targets, label, None if weights is None else weights[:, [label]])
            for label in range(count)
        )
    possible = (targets > 0).sum(axis=1)
    _check_told(bool(((possible > 0) & (possible < count)).any()), "every case allows every label")
    shared = _best_temperature(logits, targets, weights, exclusive=True)
    return tuple(shared for _ in range(count))


def _temperature_of(
    logits: Floats, targets: NDArray[np.floating], label: int, weights: NDArray[np.floating] | None
) -> float:
    own_logits, own_targets = logits[:, [label]], targets[:, [label]]
    _check_sides(own_targets, label)
    return _best_temperature(own_logits, own_targets, weights, exclusive=False)


def _check_shapes(logits: Floats, targets: NDArray[np.floating]) -> None:
    if logits.shape != targets.shape or logits.ndim != 2:
        raise ValueError(f"logits and targets must be (n, labels), found {logits.shape} and {targets.shape}")


def _check_sides(targets: NDArray[np.floating], label: int) -> None:
    both = bool((targets == 1).any() and (targets == 0).any())
    _check_told(both, f"label {label} (counted from 0) lacks present or absent cases")


def _check_told(told: bool, reason: str) -> None:
    if not told:
        raise ValueError(f"no temperature can be fitted: {reason}. Give a validation part that holds both sides.")


def _best_temperature(
    logits: Floats, targets: NDArray[np.floating], weights: NDArray[np.floating] | None, *, exclusive: bool
) -> float:
    def loss(log_temperature: float) -> float:
        predicted = probabilities(logits, float(np.exp(log_temperature)), exclusive=exclusive)
        return log_loss(predicted, targets, exclusive=exclusive, weights=weights)

    found = minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded", options={"xatol": 1e-5})
    return float(np.exp(found.x))
