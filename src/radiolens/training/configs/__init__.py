"""Experiments: Python files headed by their command, runtime and result."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from radiolens.errors import DatasetError
from radiolens.training.config import Experiment
from radiolens.training.tuning.search import Search, check_search

__all__ = ["load_experiment", "load_search"]


def load_experiment(name: str) -> Experiment:
    """Return the experiment of a file in this folder, by its name, or of any other Python file, by its path.

    A file is run as code, so only trusted ones may be given. Raises DatasetError, which lists the known names, or says
    what is wrong with the file.
    """
    return _experiment_of(_module(name), name)


def load_search(name: str) -> tuple[Experiment, Search]:
    """Return the experiment of a file and the SEARCH beside it, which fits it; otherwise as `load_experiment`."""
    module = _module(name)
    experiment = _experiment_of(module, name)
    search = getattr(module, "SEARCH", None)
    if not isinstance(search, Search):
        raise DatasetError(
            f"{name}: it defines no SEARCH, a Search of radiolens.training.tuning.search, so nothing says what to "
            "vary. docs/tuning.md shows one."
        )
    check_search(experiment, search)
    return experiment, search


def _module(name: str) -> ModuleType:
    return _own_file(Path(name)) if name.endswith(".py") else _known(name)


def _experiment_of(module: ModuleType, name: str) -> Experiment:
    experiment = getattr(module, "EXPERIMENT", None)
    if not isinstance(experiment, Experiment):
        raise DatasetError(f"{name}: it must define EXPERIMENT, an Experiment of radiolens.training.config.")
    return experiment


def _known(name: str) -> ModuleType:
    known = [module.name for module in pkgutil.iter_modules(__path__)]
    if name not in known:
        raise DatasetError(f"Unknown experiment {name!r}. Known: {', '.join(known)}; or give the path of a .py file.")
    return importlib.import_module(f"{__name__}.{name}")


def _own_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise DatasetError(
            f"{file}: there is no such file. Give the path of an experiment, or the name of a known one."
        )
    name = f"radiolens_experiment_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise DatasetError(f"{file}: not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their own module up there
    spec.loader.exec_module(module)
    return module
