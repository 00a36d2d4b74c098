"""Experiments: Python files headed by their command, runtime and result."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from radiolens.errors import DatasetError, RadiolensError
from radiolens.training import config
from radiolens.training.config import Experiment
from radiolens.training.tuning.search import Search, check_search

__all__ = ["load_experiment", "load_search"]

_RAISED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    NameError,
    OSError,
    ReferenceError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
    Warning,
)
"""What Python and its libraries raise when a file is run that has a mistake."""


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
    _run(file, module, spec.loader.exec_module)
    return module


def _run(file: Path, module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Run a file's code; raise DatasetError, with the line where it is known, if that does not come to its end."""
    try:
        execute(module)
    except RadiolensError:
        raise
    except SyntaxError as error:
        place = f"{error.filename or file}" + (f", line {error.lineno}" if error.lineno else "")
        raise DatasetError(f"{place}: this is not Python ({error.msg}). Correct the file.") from error
    except SystemExit as error:
        raise DatasetError(
            f"{_place(file, module, error)}: this ends the program, but an experiment file only defines EXPERIMENT. "
            "Take it out."
        ) from error
    except _RAISED as error:
        raise DatasetError(f"{_place(file, module, error)}: {_told(error)}") from error


def _place(file: Path, module: ModuleType, error: BaseException) -> str:
    """Return the file, and the last of its lines that was run before the error."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == module.__file__]
    return f"{file}, line {lines[-1]}" if lines else str(file)


def _told(error: BaseException) -> str:
    """Return what an error says and what to do; of a value that nothing has, what it may have been meant for."""
    strange = re.fullmatch(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    if strange is None or strange[1] not in config.__all__:
        said = " ".join(str(error).split())
        return f"this raises {type(error).__name__}{f' ({said})' if said else ''}. Correct the file."
    known = [*inspect.signature(getattr(config, strange[1])).parameters]
    similar = difflib.get_close_matches(strange[2], known, 1)
    hint = f"Did you mean {similar[0]}?" if similar else f"Known: {', '.join(known)}."
    return f"{strange[1]} has no value {strange[2]!r}. {hint}"
