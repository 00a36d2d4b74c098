"""The registry of tasks: pure data, one file per task. CLI choices, pages, docs and tests are generated from it."""

from __future__ import annotations

from radiolens.errors import UnknownTask
from radiolens.task import Task
from radiolens.tasks.brain_ct import BRAIN_CT
from radiolens.tasks.brain_mri import BRAIN_MRI
from radiolens.tasks.chest_xray import CHEST_XRAY

__all__ = ["TASKS", "get_task"]

TASKS: tuple[Task, ...] = (CHEST_XRAY, BRAIN_MRI, BRAIN_CT)


def get_task(name: str) -> Task:
    """Return the task of this name; raise UnknownTask, which lists the known ones."""
    for task in TASKS:
        if task.name == name:
            return task
    raise UnknownTask(name, [task.name for task in TASKS])
