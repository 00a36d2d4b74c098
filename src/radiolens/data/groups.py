"""The duplicate groups that an audit found, joined to those that a manifest has."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from radiolens.data.case import Case
from radiolens.data.splits import ACROSS_SOURCES, group_ids
from radiolens.errors import DatasetError, InvalidManifest

__all__ = ["read_groups", "with_groups"]

_COLUMNS = ["path", "duplicate_group"]


def read_groups(file: Path) -> Mapping[str, str]:
    """Return the group of each path, from the table that `radiolens data audit` writes; raise InvalidManifest."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidManifest(f"it cannot be read as CSV in UTF-8 ({error}).", file) from error
    if rows and list(rows[0]) != _COLUMNS:
        raise InvalidManifest(
            f"found the columns {', '.join(map(str, rows[0]))}, expected path, duplicate_group.", file
        )
    groups: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        path, group = row["path"], row["duplicate_group"]
        if not path or not group or path in groups:
            raise InvalidManifest("expected a path that stands nowhere else, and its group.", file, number)
        groups[path] = group
    return groups


def with_groups(cases: Sequence[Case], groups: Mapping[str, str]) -> tuple[Case, ...]:
    """Return the cases with the duplicate groups that an audit found, by path, joined to those they have.

    Groups of an audit link images across sources. What is linked by both, however indirectly, becomes one group.
    Raises DatasetError if a group's name is not an audit's, or a path is not among the cases.
    """
    strange = sorted(name for name in groups.values() if not name.startswith(ACROSS_SOURCES))
    absent = sorted(groups.keys() - {case.path for case in cases})
    if strange or absent:
        raise DatasetError(
            f"found the group {strange[0]!r}, expected a name that begins with {ACROSS_SOURCES!r}."
            if strange
            else f"{len(absent)} paths of the groups are not in the manifest, such as {absent[0]!r}. "
            "Give the groups that `radiolens data audit` found in this manifest."
        )
    known = [replace(case, patient_id="") for case in cases]  # a patient alone makes no duplicate
    found = [replace(case, duplicate_group=groups.get(case.path, "")) for case in known]
    linked = group_ids([*known, *found], same=[(index, index + len(cases)) for index in range(len(cases))])
    names: dict[int, str] = {}
    for index, case in enumerate(cases):
        if case.path in groups:
            names[linked[index]] = min(names.get(linked[index], groups[case.path]), groups[case.path])
    return tuple(
        replace(case, duplicate_group=names.get(linked[index], case.duplicate_group))
        for index, case in enumerate(cases)
    )
