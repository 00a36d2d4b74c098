"""Every picture weighs the same, whatever its hospital and label."""

from __future__ import annotations

from dataclasses import replace

from radiolens.data.case import Case
from radiolens.training.config import Experiment
from radiolens.training.variant import Variant

__all__ = ["VARIANT"]


def _everything(case: Case) -> str:
    return ""


def _change(experiment: Experiment) -> Experiment:
    return replace(experiment, group_by=_everything)


VARIANT = Variant("natural_sampling", change=_change)
