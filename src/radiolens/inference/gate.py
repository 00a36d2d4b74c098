"""The gate: chooses the task for `auto` and says what speaks against answering, by header, pixels and gate network.

The rules are in `radiolens.safety`; here is which slices are looked at, and which rule is asked when.
"""

from __future__ import annotations

from collections.abc import Sequence

from radiolens.image import Image
from radiolens.imaging.resample import Slice
from radiolens.inference.gate_network import GateNetwork
from radiolens.quality import Problem, ProblemCode, Quality
from radiolens.safety.appearance import (
    check_appearance,
    check_colour,
    check_defects,
    combined,
    described,
    percent,
    shows,
)
from radiolens.safety.exposure import check_ct_window, check_exposure
from radiolens.safety.gate import Gate
from radiolens.safety.intended_use import check_intended_use, check_size, matches_header
from radiolens.safety.sight import Kind, Sight
from radiolens.safety.surroundings import check_surroundings
from radiolens.task import Task
from radiolens.tasks import TASKS

__all__ = ["judge", "look", "route"]


def look(image: Image, network: GateNetwork, slices: Sequence[Slice] = ()) -> Sight:
    """Return what the gate network sees: in a film, or in the middle and two more slices of a volume.

    `slices` are those of the image, where others look at them too.
    """
    pixels = slices or image.pixels
    return combined([network.look(pixels[place], image.unit) for place in _looked_at(len(pixels))])


def route(image: Image, sight: Sight | None = None) -> Task | Quality:
    """Return the task of an image, or why there is none.

    The header decides where it names one study by modality and body part; whether the picture agrees is asked when it
    is judged. Otherwise what the gate network saw decides, if it looked and is sure enough.
    """
    fitting = [task for task in TASKS if matches_header(image, task)]
    if not fitting and sight is not None and sight.believed is not None:
        fitting = [task for task in TASKS if shows(sight.believed, task)]
    if len(fitting) == 1:
        return fitting[0]
    problem = Problem.found(ProblemCode.TASK_UNDETERMINED, " ".join([_told(image), *_seen(sight, fitting)]))
    if sight is None:
        return Quality((problem,))
    if sight.believed is Kind.OTHER:
        named = _names_modality(image)
        found = f"{_told(image)} " if named else ""
        code = ProblemCode.WRONG_BODY_PART if named else ProblemCode.NOT_MEDICAL_IMAGE
        return Quality((Problem.found(code, f"{found}The picture looks like {described(Kind.OTHER)}."),))
    middle = image.pixels[len(image.pixels) // 2]
    pixels = (*check_colour(image.source.colour_fraction), *check_exposure(middle, image.unit, white_bone=True))
    return Quality.of((problem, *check_size(image), *pixels, *check_defects(sight)))  # which may be why it is unsure


def judge(image: Image, task: Task, gate: Gate, sight: Sight | None = None) -> Quality:
    """Return what speaks against answering a task: by the header, and with a full gate by pixels and network."""
    header = check_intended_use(image, task)
    if gate is Gate.HEADER:
        return header
    problems = [*header.problems, *check_colour(image.source.colour_fraction)]
    middle = image.pixels[len(image.pixels) // 2]
    problems += check_exposure(middle, image.unit, white_bone="CT" in task.modalities)
    if "CT" in task.modalities:
        problems += check_ct_window(middle, image.unit)
    if "DX" in task.modalities and not _names_modality(image):
        problems += check_surroundings(middle, image.unit)
    if sight is not None:
        named = matches_header(image, task)
        problems += check_appearance(sight, task, told_by_header=named, medical=_names_modality(image))
    return Quality.of(problems)


def _looked_at(slices: int) -> tuple[int, ...]:
    """Return the places of the slices that are looked at: three at most, since one look takes a third of an answer."""
    return tuple(sorted({slices // 4, slices // 2, 3 * slices // 4}))


def _names_modality(image: Image) -> bool:
    """Say whether the file names the machine that made it; OT and SC are converted pictures of any origin."""
    return image.modality not in (None, "", "OT", "SC")


def _told(image: Image) -> str:
    told = [part for part in (image.modality, image.source.body_part_examined) if part]
    if told:
        return f"The file says {', '.join(told)}, which fits no single study."
    return "The file does not say what kind of examination it is."


def _seen(sight: Sight | None, fitting: list[Task]) -> list[str]:
    """Return a sentence on what was seen, or on why nothing was."""
    if sight is None:
        return ["No gate network looked at the picture itself."]
    likeliest = sight.likeliest
    if fitting:
        return [f"The picture looks like {described(likeliest)}, for which there are several studies."]
    return [f"The picture looks most like {described(likeliest)} ({percent(sight.kinds[likeliest])})."]
