"""How often the surest decisions of a study are wrong, beside all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from radiolens.evaluation.intervals import clustered_intervals, not_defined
from radiolens.evaluation.selective import SUREST, SelectiveErrors, risk_at_coverage
from radiolens.evaluation.weighted import weighted_ratio, weighted_risk_at_coverage
from radiolens.validation.plan import Plan
from radiolens.validation.questions import FEWEST

__all__ = ["surest_errors"]


def surest_errors(
    wrong: NDArray[np.bool_], confidence: NDArray[np.float64], groups: NDArray[np.intp], plan: Plan
) -> SelectiveErrors:
    """Return the errors among the surest cases and among all, of decisions that are `wrong` (n,) or not.

    `confidence` (n,) is higher for a surer decision. The interval of the ratio draws `groups` (n,), the patients; it is
    not defined for fewer than ten cases, or without an error.
    """
    ratio = not_defined("too few cases" if wrong.size < FEWEST else "no errors")
    if wrong.size >= FEWEST and wrong.any():
        kept, every = (weighted_risk_at_coverage(wrong, confidence, share) for share in (SUREST, 1.0))
        random = np.random.default_rng(plan.seed)
        statistics = {"ratio": weighted_ratio(kept, every)}
        ratio = clustered_intervals(statistics, groups, random, plan.resamples, smooth=False)["ratio"]
    return SelectiveErrors(
        coverage=SUREST,
        kept=risk_at_coverage(wrong, confidence, SUREST),
        all=risk_at_coverage(wrong, confidence, 1.0),
        ratio=ratio,
    )
