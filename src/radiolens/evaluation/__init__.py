"""Measures of a classifier: arrays in, numbers out, pure.

Those that a notebook asks for are reached here by name (`radiolens.evaluation.auroc_interval`), each loaded when it is
first used, since serving needs one of these modules and not the libraries of the others (extra [train]).
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; at run time `__getattr__` loads the same
    from radiolens.evaluation.calibration import brier_score as brier_score
    from radiolens.evaluation.calibration import expected_calibration_error as expected_calibration_error
    from radiolens.evaluation.cut_offs import Practice as Practice
    from radiolens.evaluation.discrimination import auprc as auprc
    from radiolens.evaluation.discrimination import auroc as auroc
    from radiolens.evaluation.discrimination import confusion as confusion
    from radiolens.evaluation.intervals import Interval as Interval
    from radiolens.evaluation.intervals import auroc_interval as auroc_interval
    from radiolens.evaluation.intervals import clustered_bootstrap_interval as clustered_bootstrap_interval
    from radiolens.evaluation.intervals import share_interval as share_interval
    from radiolens.evaluation.threshold_plan import LocalCases as LocalCases
    from radiolens.evaluation.threshold_plan import ThresholdPlan as ThresholdPlan
    from radiolens.evaluation.threshold_plan import plan_threshold as plan_threshold
    from radiolens.evaluation.thresholds import Criterion as Criterion
    from radiolens.evaluation.thresholds import Rule as Rule

__all__ = [
    "Criterion",
    "Interval",
    "LocalCases",
    "Practice",
    "Rule",
    "ThresholdPlan",
    "auprc",
    "auroc",
    "auroc_interval",
    "brier_score",
    "clustered_bootstrap_interval",
    "confusion",
    "expected_calibration_error",
    "plan_threshold",
    "share_interval",
]

_HOMES = MappingProxyType(
    {
        "Criterion": "thresholds",
        "Interval": "intervals",
        "LocalCases": "threshold_plan",
        "Practice": "cut_offs",
        "Rule": "thresholds",
        "ThresholdPlan": "threshold_plan",
        "auprc": "discrimination",
        "auroc": "discrimination",
        "auroc_interval": "intervals",
        "brier_score": "calibration",
        "clustered_bootstrap_interval": "intervals",
        "confusion": "discrimination",
        "expected_calibration_error": "calibration",
        "plan_threshold": "threshold_plan",
        "share_interval": "intervals",
    }
)
"""The module of this folder that each name lives in."""


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name is of
    """Load a name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'radiolens.evaluation' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"radiolens.evaluation.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """List every public name, loaded or not."""
    return sorted({*globals(), *__all__})
