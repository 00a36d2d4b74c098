"""What a folder's name or a table's value says about an image, in the labels of a task."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from radiolens.errors import DatasetError
from radiolens.task import Task

__all__ = ["Meaning", "check_told_once", "meaning_of", "merged", "parse_meanings"]


@dataclass(frozen=True)
class Meaning:
    """The labels that a name stands for, as in `Case`; what it does not speak of is not annotated."""

    labels: Mapping[str, int | None] = field(default_factory=lambda: MappingProxyType({}))
    possible: frozenset[str] = frozenset()


def parse_meanings(task: Task, given: Sequence[str]) -> Mapping[str, Meaning]:
    """Return the meanings that a user gives as NAME=MEANING; an empty MEANING says nothing of the labels.

    An exclusive task takes the label, or several that are possible, joined by "|". Otherwise it is a list, joined by
    commas, of findings that are present, or `finding:0` for absent. Raises DatasetError for anything else, and for a
    name that is given twice.
    """
    pairs = [text.partition("=") for text in given]
    wrong = [text for text, (name, equals, _) in zip(given, pairs, strict=True) if not equals or not name]
    if wrong:
        raise DatasetError(f"found {wrong[0]!r}, expected NAME=MEANING, such as {_example(task)}.")
    check_told_once([name for name, _, _ in pairs], given)
    return {name: _parsed(task, meaning) for name, _, meaning in pairs}


def check_told_once(names: Sequence[str], given: Sequence[str]) -> None:
    """Raise DatasetError if two of the texts that a user gives are of one name."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        told = " and ".join(repr(text) for name, text in zip(names, given, strict=True) if name == twice)
        raise DatasetError(f"found {told}, expected {twice!r} once. Give the one that is right.")


def meaning_of(task: Task, name: str, given: Mapping[str, Meaning]) -> Meaning | None:
    """Return what a name stands for: as given, else the label of that name, however written; None if it is neither."""
    if name in given:
        return given[name]
    label = re.sub(r"[ -]+", "_", name.strip()).casefold()
    return _parsed(task, label) if label in task.label_names else None


def merged(meanings: Sequence[Meaning]) -> Meaning:
    """Return what several names say together.

    Findings add up; a finding that is present for one name is present. Of exclusive labels all are possible.
    """
    labels: dict[str, int | None] = {}
    for meaning in meanings:
        for name, value in meaning.labels.items():
            labels[name] = max(labels.get(name) or 0, value or 0)
    return Meaning(MappingProxyType(labels), frozenset().union(*(meaning.possible for meaning in meanings)))


def _parsed(task: Task, text: str) -> Meaning:
    if task.exclusive:
        names = frozenset(text.split("|") if text else ())
        _refuse_unknown(task, text, names)
        return Meaning(possible=names)
    pairs = [part.partition(":") for part in text.split(",")] if text else []
    _refuse_unknown(task, text, frozenset(name for name, _, _ in pairs))
    check_told_once([name for name, _, _ in pairs], ["".join(pair) for pair in pairs])
    if any(value not in ("", "0", "1") for _, _, value in pairs):
        raise DatasetError(f"found the meaning {text!r}, expected 0 or 1 behind the colon.")
    return Meaning(MappingProxyType({name: int(value or "1") for name, _, value in pairs}))


def _refuse_unknown(task: Task, text: str, names: frozenset[str]) -> None:
    unknown = sorted(names.difference(task.label_names))
    if unknown:
        raise DatasetError(
            f"found the meaning {text!r}; {task.name} has no label {', '.join(map(repr, unknown))}, only "
            f"{', '.join(task.label_names)}. Write it like {_example(task)}."
        )


def _example(task: Task) -> str:
    first, second = task.label_names[:2]
    return f"NAME={first}|{second}" if task.exclusive else f"NAME={first} or NAME={first}:0,{second}:0"
