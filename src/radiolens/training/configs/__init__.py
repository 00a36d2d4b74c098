"""Experiments: Python files headed by their command, runtime and result."""

from __future__ import annotations

import importlib
import pkgutil

from radiolens.errors import DatasetError
from radiolens.training.config import Experiment

__all__ = ["load_experiment"]


def load_experiment(name: str) -> Experiment:
    """Return the experiment of a file in this folder; raise DatasetError, which lists the known ones."""
    known = [module.name for module in pkgutil.iter_modules(__path__)]
    if name not in known:
        raise DatasetError(f"Unknown experiment {name!r}. Known: {', '.join(known)}.")
    experiment = importlib.import_module(f"{__name__}.{name}").EXPERIMENT
    if not isinstance(experiment, Experiment):
        raise DatasetError(f"{name}: EXPERIMENT must be an Experiment.")
    return experiment
