"""Risk against coverage: how often a network errs on the cases it is surest of, if it may pass on the others.

Geifman & El-Yaniv 2017 (arXiv:1705.08500); the area is that of Geifman et al. 2019 (arXiv:1805.08206).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from radiolens.evaluation.discrimination import binary
from radiolens.evaluation.intervals import Interval
from radiolens.evaluation.weighted import KEPT

__all__ = [
    "COVERAGES",
    "SUREST",
    "RiskCoverage",
    "SelectiveErrors",
    "SelectiveRisk",
    "area_under_risk_coverage",
    "decision_confidence",
    "risk_at_coverage",
    "risk_coverage_curve",
]

COVERAGES = tuple(round(0.05 * step, 2) for step in range(1, 21))
"""From a twentieth of the cases to all."""

SUREST = 0.8
"""The share of the cases whose decisions are compared with all: the rest is passed on to a person."""

_SMALLEST = 1e-12
"""The least distance of a probability from 0 and 1 whose log-odds are told apart."""


@dataclass(frozen=True)
class SelectiveRisk:
    """One point: the share of the cases that is kept, and the share of wrong decisions among them, both 0 to 1."""

    coverage: float
    risk: float


@dataclass(frozen=True)
class RiskCoverage:
    """A curve of risk against coverage with the area under it, 0 to 1; lower is better.

    `excess` is the area above that of the best order of the same decisions, in which every error comes last: 0 where
    confidence tells right from wrong perfectly.
    """

    area: Interval
    excess: float
    points: tuple[SelectiveRisk, ...]


@dataclass(frozen=True)
class SelectiveErrors:
    """How often the surest decisions are wrong, and all of them.

    `coverage` is the share of the cases that is kept, `kept` the error rate among them, `all` that of all, each 0 to 1;
    `ratio` is the first by the second: nan without an error, 1 if confidence tells nothing.
    """

    coverage: float
    kept: float
    all: float
    ratio: Interval


def decision_confidence(probability: ArrayLike, threshold: ArrayLike) -> NDArray[np.float64]:
    """Return how far in log-odds each probability (n,) lies from the threshold of its decision, at least 0.

    `threshold` is one for all or one for each (n,). Raises ValueError if one of them is not 0 to 1.
    """
    return np.asarray(np.abs(_log_odds(probability) - _log_odds(threshold)), np.float64)


def risk_coverage_curve(
    wrong: ArrayLike, confidence: ArrayLike, coverages: Sequence[float] = COVERAGES
) -> tuple[SelectiveRisk, ...]:
    """Return the risk of the kept cases at each coverage; empty of nothing."""
    errors, values = binary(wrong, confidence)
    if not errors.size:
        return ()
    return tuple(SelectiveRisk(coverage, risk_at_coverage(errors, values, coverage)) for coverage in coverages)


def risk_at_coverage(wrong: ArrayLike, confidence: ArrayLike, coverage: float) -> float:
    """Return the share (0 to 1) of wrong decisions among the surest cases that make up this share of all.

    Of n cases the ceil(coverage n) surest are kept; cases of equal confidence count with their mean risk, so that their
    order does not matter. nan of nothing. Raises ValueError unless coverage is above 0 and at most 1.
    """
    if not 0.0 < coverage <= 1.0:
        raise ValueError(f"coverage must be above 0 and at most 1, found {coverage:g}")
    risks = _risks(wrong, confidence)
    return float(risks[int(np.ceil(coverage * risks.size - KEPT)) - 1]) if risks.size else nan


def area_under_risk_coverage(wrong: ArrayLike, confidence: ArrayLike) -> float:
    """Return the mean risk over the coverages 1/n to 1, 0 to 1; lower is better, the error rate is chance.

    `wrong` (n,) is 1 for a wrong decision, `confidence` (n,) any number that is higher for a surer one. nan of nothing.
    """
    risks = _risks(wrong, confidence)
    return float(risks.mean()) if risks.size else nan


def _risks(wrong: ArrayLike, confidence: ArrayLike) -> NDArray[np.float64]:
    """Return the risk (n,) of the 1 to n surest cases."""
    errors, values = binary(wrong, confidence)
    order = np.argsort(-values, kind="stable")
    numbers = np.unique(-values, return_inverse=True)[1]
    of_tie = np.bincount(numbers, errors) / np.bincount(numbers)
    return np.asarray(np.cumsum(of_tie[numbers[order]]) / np.arange(1, errors.size + 1), np.float64)


def _log_odds(probability: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(probability, np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError(f"probabilities must be 0 to 1, found {np.min(values):g} to {np.max(values):g}")
    inner = np.clip(values, _SMALLEST, 1.0 - _SMALLEST)
    return np.asarray(np.log(inner) - np.log1p(-inner), np.float64)
