"""What the gate network saw, against the task that is asked: another kind of picture, turned, inverted or cut off.

The kinds are joined to the tasks by modality and body part, so that a new task on chest films is guarded without a
change here. A task on a kind of image that the gate has not learnt is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from types import MappingProxyType

from radiolens.quality import Problem, ProblemCode
from radiolens.safety.sight import Kind, Sight
from radiolens.task import Task

__all__ = ["check_appearance", "check_colour", "check_defects", "combined", "described", "percent", "shows"]


@dataclass(frozen=True)
class _Shown:
    """What a kind of picture is: in words, and by the DICOM modality and body part it belongs to."""

    words: str
    modality: str = ""
    body_part: str = ""


_SHOWN: Mapping[Kind, _Shown] = MappingProxyType(
    {
        Kind.CHEST_FRONTAL: _Shown("a frontal chest film", "DX", "CHEST"),
        Kind.CHEST_LATERAL: _Shown("a lateral chest film", "DX", "CHEST"),
        Kind.BRAIN_MR: _Shown("an MR of the head", "MR", "HEAD"),
        Kind.BRAIN_CT: _Shown("a CT of the head", "CT", "HEAD"),
        Kind.OTHER: _Shown("neither a frontal chest film nor an MR or CT of the head"),
    }
)

_COLOURED_FROM = 0.1
"""Mean saturation, 0 to 1: compression leaves below 0.01 of a grey picture, a coloured scale beside it 0.05."""

_DEFECTS: Mapping[str, tuple[ProblemCode, str]] = MappingProxyType(
    {
        "inverted": (ProblemCode.INVERTED, "Black and white look exchanged"),
        "rotated": (ProblemCode.ROTATED, "The picture does not look upright"),
        "cropped": (ProblemCode.CROPPED, "A part of the lungs or of the head looks cut off"),
    }
)


def described(kind: Kind) -> str:
    """Return a kind of picture in words, with its article."""
    return _SHOWN[kind].words


def shows(kind: Kind, task: Task) -> bool:
    """Say whether a kind of picture is of the task's modality and body part; a lateral film is of a chest task's."""
    shown = _SHOWN[kind]
    return shown.modality in task.modalities and shown.body_part in task.body_parts


def combined(sights: Sequence[Sight]) -> Sight:
    """Return what was seen in several slices of a volume: the mean of the kinds, the median of all else."""
    kinds = {kind: sum(sight.kinds[kind] for sight in sights) / len(sights) for kind in Kind}
    return replace(
        sights[0],
        kinds=kinds,
        rotated=median(sight.rotated for sight in sights),
        inverted=median(sight.inverted for sight in sights),
        cropped=median(sight.cropped for sight in sights),
        distance=median(sight.distance for sight in sights),
    )


def check_appearance(sight: Sight, task: Task, *, told_by_header: bool, medical: bool) -> Iterator[Problem]:
    """Yield what was seen against answering a task.

    With `told_by_header`, where the header names the task too, the most probable kind need not be sure. `medical` says
    that the file names a modality: then what is none of the known kinds is another examination, and no photograph.
    """
    if not any(shows(kind, task) for kind in Kind):
        return
    likeliest = sight.likeliest
    believed = sight.believed or (likeliest if told_by_header and _suits(likeliest, task) else None)
    if believed is not None and not _suits(believed, task):
        yield _contradiction(believed, task, medical=medical)
        return
    yield from check_defects(sight)
    if believed is None:
        found = f"The picture is not clearly {_expected(task)}; it looks most like {described(likeliest)}"
        yield Problem.found(ProblemCode.UNLIKE_TRAINING_DATA, f"{found} ({percent(sight.kinds[likeliest])}).")
    elif sight.distance >= sight.refuse_from["distance"]:
        yield Problem.found(ProblemCode.UNLIKE_TRAINING_DATA, "No picture that the gate learnt from looks like this.")


def check_defects(sight: Sight) -> Iterator[Problem]:
    """Yield how a picture of a known kind is inverted, turned or cut off; of another kind none of it means anything."""
    if sight.likeliest is Kind.OTHER:
        return
    values = {"inverted": sight.inverted, "rotated": sight.rotated, "cropped": sight.cropped}
    for name, (code, words) in _DEFECTS.items():
        if values[name] >= sight.refuse_from[name]:
            yield Problem.found(code, f"{words} ({percent(values[name])} sure).")


def check_colour(colour_fraction: float) -> Iterator[Problem]:
    """Yield a problem for a picture with colours (mean saturation, 0 to 1), since every task is about grey images."""
    if colour_fraction >= _COLOURED_FROM:
        found = f"The picture is coloured (mean saturation {colour_fraction:.0%}); films and slices are grey."
        yield Problem.found(ProblemCode.NOT_MEDICAL_IMAGE, found)


def percent(probability: float) -> str:
    """Return a probability without a claim of certainty, which no network has."""
    return "over 99%" if probability > 0.99 else f"{probability:.0%}"


def _suits(kind: Kind, task: Task) -> bool:
    return shows(kind, task) and kind is not Kind.CHEST_LATERAL


def _expected(task: Task) -> str:
    return _or(described(kind) for kind in Kind if _suits(kind, task))


def _contradiction(kind: Kind, task: Task, *, medical: bool) -> Problem:
    found = f"The picture looks like {described(kind)}; {task.title} expects {_expected(task)}."
    if kind is Kind.OTHER:
        code = ProblemCode.WRONG_BODY_PART if medical else ProblemCode.NOT_MEDICAL_IMAGE
    elif shows(kind, task):
        code = ProblemCode.WRONG_VIEW
    elif _SHOWN[kind].body_part not in task.body_parts:
        code = ProblemCode.WRONG_BODY_PART
    else:
        code = ProblemCode.WRONG_MODALITY
    return Problem.found(code, found)


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
