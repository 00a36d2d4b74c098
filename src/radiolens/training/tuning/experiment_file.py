"""Writes an experiment that a search has found as an experiment file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from radiolens.training.checkpoints import write_whole

__all__ = ["write_experiment"]


def write_experiment(file: Path, head: str, config: str, changes: Mapping[str, object]) -> None:
    """Write an experiment file: that of `config`, a name or a path, with some values changed.

    Names are those of a search (see `search.tuned`), values plain ones or members of an enum. `head` becomes the
    docstring. Functions of the experiment, as its sampling groups, stay those of `config`, which is therefore read
    again; a path is written in full.
    """
    base = str(Path(config).resolve()) if config.endswith(".py") else config
    enums = {type(value) for value in changes.values() if isinstance(value, Enum)}
    imports = sorted(
        [
            "from radiolens.training.configs import load_experiment",
            "from radiolens.training.tuning.search import tuned",
            *(f"from {kind.__module__} import {kind.__qualname__}" for kind in enums),
        ]
    )
    lines = [
        f'"""{_within_docstring(head)}"""',
        "",
        "from __future__ import annotations",
        "",
        *imports,
        "",
        '__all__ = ["EXPERIMENT"]',
        "",
        "EXPERIMENT = tuned(",
        f"    load_experiment({_literal(base)}),",
        "    {",
        *(f"        {_literal(name)}: {_literal(value)}," for name, value in changes.items()),
        "    },",
        ")",
    ]
    write_whole(file, "\n".join(lines) + "\n")


def _literal(value: object) -> str:
    """Return a value as Python writes it, with the quotes of this project."""
    if isinstance(value, Enum):
        return f"{type(value).__qualname__}.{value.name}"
    text = repr(value)
    return f'"{text[1:-1]}"' if isinstance(value, str) and text[0] == "'" and '"' not in text else text


def _within_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', "'''")
