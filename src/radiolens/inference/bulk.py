"""Many inputs: files, folders, zips and lists, in order, each answered by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from radiolens.errors import InputError, UnreadableImage
from radiolens.imaging.archive import Member, is_archive, read_archive
from radiolens.imaging.limits import Limits
from radiolens.imaging.series import group
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction

__all__ = ["Input", "Outcome", "grouped", "inputs", "inputs_of", "listed_paths", "predict_inputs"]


@dataclass(frozen=True)
class Input:
    """What gets one answer: a file, or the files of one series. `problem` says why it could not even be read."""

    name: str
    files: tuple[bytes, ...]
    problem: UnreadableImage | None = None


@dataclass(frozen=True)
class Outcome:
    """The answer, or why there is none."""

    name: str
    result: Prediction | InputError


def listed_paths(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the paths, those of `@list.txt` (one a line) in their place."""
    for argument in arguments:
        if argument.startswith("@"):
            yield from filter(None, map(str.strip, Path(argument[1:]).read_text(encoding="utf-8").splitlines()))
        else:
            yield argument


def inputs(path: str, limits: Limits = Limits()) -> Iterator[Input]:
    """Yield the inputs of a path: a folder is walked sorted by name, a zip unpacked, DICOM series are put together."""
    place = Path(path)
    if place.is_dir():
        files = sorted(entry for entry in place.rglob("*") if entry.is_file() and not entry.name.startswith("."))
        yield from grouped([Member(str(file), file.read_bytes()) for file in files])
        return
    try:
        yield from inputs_of(Member(path, place.read_bytes()), limits)
    except OSError as error:
        yield Input(path, (), UnreadableImage(f"The file cannot be opened ({error.strerror}). Check the path."))


def inputs_of(member: Member, limits: Limits = Limits()) -> Iterator[Input]:
    """Yield the inputs of one file: itself, or what a zip holds."""
    if not is_archive(member.data):
        yield Input(member.name, (member.data,))
        return
    try:
        entries = read_archive(member.data, limits)
        yield from grouped([Member(f"{member.name}/{entry.name}", entry.data) for entry in entries])
    except UnreadableImage as error:
        yield Input(member.name, (), error)


def grouped(members: Sequence[Member]) -> Iterator[Input]:
    """Yield one input per DICOM series and per other file, in the order of their first files."""
    for found in group(members):
        yield Input(found.name, found.files)


def predict_inputs(
    predictor: Predictor, found: Iterator[Input], task: str, *, gate: bool = True, explain: bool = False
) -> Iterator[Outcome]:
    """Yield the outcome of each input; what cannot be read does not stop the others."""
    for entry in found:
        try:
            if entry.problem:
                raise entry.problem
            yield Outcome(entry.name, predictor.predict(entry.files, task, gate=gate, explain=explain))
        except InputError as error:
            yield Outcome(entry.name, error)
