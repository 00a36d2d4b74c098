"""PPV and NPV at the prevalence of a clinic, from the sensitivity and specificity of any sample.

In a collection of cases the share of positives is the collector's choice, so the shares among the called say nothing
of a clinic. Mercaldo et al. 2007 (doi:10.1002/sim.2677) give intervals on the logit scale, the prevalence being known.
"""

from __future__ import annotations

from math import exp, inf, isnan, log, nan, sqrt

from radiolens.evaluation.discrimination import Confusion
from radiolens.evaluation.intervals import LEVEL, Interval
from radiolens.evaluation.wilson import z_value

__all__ = ["npv_interval", "number_needed_to_test", "ppv_interval"]


def ppv_interval(counts: Confusion, prevalence: float, level: float = LEVEL) -> Interval:
    """Return the share of called positives who are positive, where `prevalence` (0 to 1) of the tested are.

    Mercaldo et al., eq. 8 to 11. Where a cell of the table is empty, which leaves no logit, the ends are those of
    their adjusted estimates (z^2 / 2 is added to each cell). nan if a class is missing, or nobody is called positive.
    """
    return _interval(counts, prevalence, level, positive=True)


def npv_interval(counts: Confusion, prevalence: float, level: float = LEVEL) -> Interval:
    """Return the share of called negatives who are negative, as `ppv_interval` does; nan if nobody is."""
    return _interval(counts, prevalence, level, positive=False)


def number_needed_to_test(ppv: Interval) -> Interval:
    """Return how many called positives get the confirming test to find one who has the disease: 1 / PPV, 1 at best.

    Its ends are those of the PPV, inverted.
    """
    return Interval(_inverse(ppv.estimate), _inverse(ppv.high), _inverse(ppv.low), ppv.level, f"1 / PPV, {ppv.method}")


def _interval(counts: Confusion, prevalence: float, level: float, *, positive: bool) -> Interval:
    if not 0.0 < prevalence < 1.0:
        raise ValueError(f"prevalence must be above 0 and below 1, found {prevalence:g}")
    estimate = _value(counts.sensitivity, counts.specificity, prevalence, positive=positive)
    method = "logit"
    if not (counts.positives and counts.negatives) or isnan(estimate):
        return Interval(nan, nan, nan, level, method)
    cells = (counts.true_positives, counts.false_negatives, counts.false_positives, counts.true_negatives)
    z = z_value(level)
    added = 0.0 if min(cells) else z**2
    sensitivity = (counts.true_positives + added / 2) / (counts.positives + added)
    specificity = (counts.true_negatives + added / 2) / (counts.negatives + added)
    here, there = (1 - sensitivity) / sensitivity, specificity / (1 - specificity)
    if not positive:
        here, there = 1 / here, 1 / there
    reach = z * sqrt(here / (counts.positives + added) + there / (counts.negatives + added))
    middle = _value(sensitivity, specificity, prevalence, positive=positive)
    centre = log(middle / (1 - middle))
    # The adjusted interval need not hold the estimate of an empty cell, which is 0 or 1.
    low, high = _expit(centre - reach), _expit(centre + reach)
    return Interval(estimate, min(low, estimate), max(high, estimate), level, "adjusted logit" if added else method)


def _value(sensitivity: float, specificity: float, prevalence: float, *, positive: bool) -> float:
    """Return PPV or NPV by Bayes' theorem; nan where nobody gets that answer."""
    if positive:
        right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    else:
        right, wrong = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return right / (right + wrong) if right + wrong > 0 else nan


def _expit(value: float) -> float:
    return 1 / (1 + exp(-value)) if value > -700 else 0.0  # exp overflows beyond 709


def _inverse(value: float) -> float:
    return 1 / value if value else inf
