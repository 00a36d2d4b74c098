"""Many inputs: files, folders, zips and lists, in order, each read when its turn comes and answered by itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from radiolens.errors import InputError, UnreadableImage
from radiolens.image import Image
from radiolens.imaging.archive import Member, is_archive, read_archive
from radiolens.imaging.companions import without_companions
from radiolens.imaging.limits import Limits
from radiolens.imaging.series import group
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.folder import files_below, read_file, series_of
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction

__all__ = ["Input", "Outcome", "grouped", "inputs", "inputs_of", "listed_paths", "predict_inputs"]


@dataclass(frozen=True)
class Input:
    """What gets one answer: a file, or the files of one series. `problem` says why it could not even be read.

    `on_disk` counts the files on disk that it finishes: all of a series, and of a zip the zip with its first input.
    """

    name: str
    files: tuple[bytes, ...]
    problem: UnreadableImage | None = None
    on_disk: int = 1


@dataclass(frozen=True, eq=False)
class Outcome:
    """The answer, or why there is none; `image` is None where none could be read. `seconds` from bytes to answer.

    `on_disk` is that of the input.
    """

    name: str
    result: Prediction | InputError
    image: Image | None = None
    seconds: float = 0.0
    on_disk: int = 1


def listed_paths(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the paths, those of `@list.txt` (UTF-8, one a line, empty lines skipped) in their place.

    A file whose own name begins with @ is written ./@name. Raises InputError if a list cannot be read.
    """
    return tuple(path for argument in arguments for path in _listed(argument))


def inputs(path: str, limits: Limits = Limits()) -> Iterator[Input]:
    """Yield the inputs of a path: a folder is walked sorted by name, a zip unpacked, DICOM series are put together.

    Only the files of one input (of a zip: all its files) are in memory at a time. What cannot be opened is an input
    with a problem.
    """
    place = Path(path)
    if os.path.isdir(path):  # unlike Path's, false for a name that is too long
        yield from _inputs_below(place, limits)
    else:
        yield from _inputs_in(path, place, limits)


def inputs_of(member: Member, limits: Limits = Limits()) -> Iterator[Input]:
    """Yield the inputs of one file: itself, or what a zip holds without what only comes along with images."""
    if not is_archive(member.data):
        yield Input(member.name, (member.data,))
        return
    try:
        entries = read_archive(member.data, limits)
    except UnreadableImage as error:
        yield Input(member.name, (), error)
        return
    members = [Member(f"{member.name}/{entry.name}", entry.data) for entry in without_companions(entries)]
    found = grouped(members, limits)
    yield from (replace(entry, on_disk=int(number == 0)) for number, entry in enumerate(found))


def grouped(members: Sequence[Member], limits: Limits = Limits()) -> Iterator[Input]:
    """Yield one input per DICOM series and per other file, in the order of their first files."""
    for found in group(members, limits):
        yield Input(found.name, found.files)


def predict_inputs(
    predictor: Predictor,
    found: Iterable[Input],
    task: str,
    *,
    gate: bool = True,
    explain: bool = False,
    bundle: str | None = None,
    limits: Limits = Limits(),
) -> Iterator[Outcome]:
    """Yield the outcome of each input, by the bundle of this name; what cannot be read does not stop the others."""
    for entry in found:
        start = time.perf_counter()
        try:
            image = _read(entry, limits)
            answer = predictor.predict_image(image, task, gate=gate, explain=explain, bundle=bundle)
            outcome = Outcome(entry.name, answer, image)
        except InputError as error:
            outcome = Outcome(entry.name, error)
        yield replace(outcome, seconds=time.perf_counter() - start, on_disk=entry.on_disk)


def _read(entry: Input, limits: Limits) -> Image:
    if entry.problem:
        raise entry.problem
    return read_untrusted(entry.files, limits=limits)


def _listed(argument: str) -> Iterator[str]:
    if not argument.startswith("@"):
        yield argument
        return
    try:
        lines = Path(argument[1:]).read_text(encoding="utf-8-sig").splitlines()  # -sig: Windows editors mark UTF-8
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{argument}: the list cannot be read ({error}). Give a text of paths.") from error
    yield from filter(None, map(str.strip, lines))


def _inputs_below(folder: Path, limits: Limits) -> Iterator[Input]:
    files = files_below(folder)
    if not files:
        yield Input(str(folder), (), UnreadableImage("The folder holds no files. Check the path."), on_disk=0)
    for series in series_of(files, limits):
        if len(series) == 1:
            yield from _inputs_in(str(series[0]), series[0], limits)
        else:
            yield _series(series, limits)


def _inputs_in(name: str, file: Path, limits: Limits) -> Iterator[Input]:
    try:
        data = read_file(file, limits.file_bytes)
    except UnreadableImage as error:
        yield Input(name, (), error)
        return
    yield from inputs_of(Member(name, data), limits)


def _series(files: Sequence[Path], limits: Limits) -> Input:
    left, found = limits.file_bytes, []
    try:
        for file in files:
            found.append(read_file(file, left))
            left -= len(found[-1])
    except UnreadableImage as error:
        return Input(str(files[0]), (), error, len(files))
    return Input(str(files[0]), tuple(found), on_disk=len(files))
