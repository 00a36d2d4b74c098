"""Cases from a folder of images: labelled by the names of its subfolders, or not at all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from radiolens.data.case import Case, Manifest
from radiolens.data.files import files_below
from radiolens.data.meaning import Meaning, meaning_of
from radiolens.errors import DatasetError
from radiolens.task import Task

__all__ = ["SPLIT_FOLDERS", "class_folders", "unlabelled_files"]

SPLIT_FOLDERS: Mapping[str, str] = MappingProxyType(
    {
        "train": "train",
        "training": "train",
        "val": "validation",
        "valid": "validation",
        "validation": "validation",
        "test": "test",
        "testing": "test",
        "external": "external",
    }
)
"""Names of folders, however written, that stand for a split."""


@dataclass(frozen=True)
class _Place:
    """What the folders above a file say: its split, and the name that tells its class, empty if there is none."""

    path: PurePosixPath
    split: str
    name: str


def class_folders(
    folder: Path, task: Task, given: Mapping[str, Meaning], *, skipped: Collection[str] = (), patient: str = ""
) -> Manifest:
    """Return the images below `folder`, labelled by the first of their folders that is no split folder.

    Files in no such folder are not annotated.
    `given` says what names stand for that are no label; folders in `skipped` are left out. `patient` is a regular
    expression for paths, whose first group is the patient's id. Raises DatasetError, listing what was found, if a
    folder has a name that stands for nothing.
    """
    places = [_place(path) for path in files_below(folder)]
    kept = [place for place in places if place.name not in skipped]
    names = dict.fromkeys(place.name for place in kept)
    meanings = {name: meaning_of(task, name, given) if name else Meaning() for name in names}
    _check_names(folder, task, meanings, [*given, *skipped], places)
    cases = tuple(_case(place, meanings[place.name] or Meaning(), _pattern(patient)) for place in kept)
    return Manifest(folder / "manifest.csv", task, cases)


def unlabelled_files(folder: Path, task: Task, *, patient: str = "") -> Manifest:
    """Return all files below `folder` without labels, as DICOM studies come; `patient` as in `class_folders`."""
    pattern = _pattern(patient)
    cases = tuple(_case(_Place(path, "", ""), Meaning(), pattern) for path in files_below(folder))
    return Manifest(folder / "manifest.csv", task, cases)


def _place(path: PurePosixPath) -> _Place:
    """Tell split and class from the two outermost folders, in either order."""
    outer = path.parts[:-1][:2]
    splits = [part for part in outer if part.casefold() in SPLIT_FOLDERS][:1]
    names = [part for part in outer if part not in splits]
    return _Place(path, SPLIT_FOLDERS[splits[0].casefold()] if splits else "", names[0] if names else "")


def _case(place: _Place, meaning: Meaning, pattern: re.Pattern[str] | None) -> Case:
    found = pattern.search(str(place.path)) if pattern else None
    return Case(
        path=str(place.path),
        split=place.split,
        labels=meaning.labels,
        possible=meaning.possible,
        patient_id=(found[1] or "") if found else "",
    )


def _pattern(text: str) -> re.Pattern[str] | None:
    if not text:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise DatasetError(f"the pattern {text!r} for patients is no regular expression ({error}).") from error
    if pattern.groups != 1:
        raise DatasetError(f"the pattern {text!r} for patients has {pattern.groups} groups, expected one: the id.")
    return pattern


def _check_names(
    folder: Path,
    task: Task,
    meanings: Mapping[str, Meaning | None],
    told: Collection[str],
    places: Collection[_Place],
) -> None:
    counts = Counter(place.name for place in places if place.name)
    found = ", ".join(f"{name} ({count} files)" for name, count in sorted(counts.items())) or "nothing"
    unknown = sorted(name for name, meaning in meanings.items() if meaning is None)
    if unknown:
        raise DatasetError(
            f"{folder}: no label of {task.name} is called {', '.join(unknown)}. Found {found}; the labels are "
            f"{', '.join(task.label_names)}. Say what each name stands for (--map NAME=LABEL) or leave it out "
            "(--skip NAME); images without labels come in by --as dicom."
        )
    absent = sorted(set(told).difference(counts))
    if absent:
        raise DatasetError(f"{folder}: there is no folder {', '.join(absent)}. Found {found}.")
    if not counts:
        raise DatasetError(
            f"{folder}: there is no class folder with images in it. Images without labels come in by --as dicom."
        )
