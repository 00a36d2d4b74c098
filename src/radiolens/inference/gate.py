"""Chooses the task of an image for `auto`, by its DICOM header; what the header does not tell is not guessed."""

from __future__ import annotations

from radiolens.image import Image
from radiolens.quality import Problem, ProblemCode
from radiolens.safety.intended_use import matches_header
from radiolens.task import Task
from radiolens.tasks import TASKS

__all__ = ["route"]


def route(image: Image) -> Task | Problem:
    """Return the one task that the header names by modality and body part, or why there is none."""
    fitting = [task for task in TASKS if matches_header(image, task)]
    if len(fitting) == 1:
        return fitting[0]
    told = [part for part in (image.modality, image.source.body_part_examined) if part]
    found = (
        f"The file says {', '.join(told)}, which fits no single study."
        if told
        else "The file does not say what kind of examination it is."
    )
    return Problem.found(ProblemCode.TASK_UNDETERMINED, found)
