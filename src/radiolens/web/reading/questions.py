"""What a reader is asked of a case, and how the answer of a form becomes decisions by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from radiolens.locale.translate import gettext as _
from radiolens.prediction import Presence
from radiolens.task import Task
from radiolens.tasks import TASKS, get_task

__all__ = ["Asked", "AskedLabel", "in_words", "presence_of", "questions"]


@dataclass(frozen=True)
class AskedLabel:
    """A label of the contract and its title in the reader's language."""

    name: str
    title: str


@dataclass(frozen=True)
class Asked:
    """The questions of one task: each label by itself, or one choice among exclusive ones."""

    task: str
    title: str
    exclusive: bool
    labels: tuple[AskedLabel, ...]


def questions(tasks: Sequence[str]) -> tuple[Asked, ...]:
    """Return what is asked of a case that can be judged by these tasks.

    All labels of a task are asked, also those that no network answers: a reader sees more than a network.
    """
    return tuple(
        Asked(
            entry.name,
            _(entry.title),
            entry.exclusive,
            tuple(AskedLabel(label.name, _(label.title)) for label in entry.labels),
        )
        for entry in map(get_task, tasks)
    )


def presence_of(fields: Mapping[str, str], asked: Sequence[Asked], prefix: str) -> dict[str, Presence]:
    """Return the decision on each label that a form answers; a label that was left out is not in it.

    Raises ValueError for a value that is none of the choices.
    """
    found: dict[str, Presence] = {}
    for question in asked:
        if question.exclusive:
            found |= _chosen(fields.get(f"{prefix}{question.task}", ""), question)
            continue
        for label in question.labels:
            value = fields.get(f"{prefix}{label.name}", "")
            if value:
                found[label.name] = Presence(value)
    return found


def _chosen(value: str, question: Asked) -> dict[str, Presence]:
    """Return the decisions that one choice among exclusive labels makes."""
    names = [label.name for label in question.labels]
    if not value:
        return {}
    if value == Presence.INDETERMINATE:
        return dict.fromkeys(names, Presence.INDETERMINATE)
    if value not in names:
        raise ValueError(value)
    return {name: Presence.PRESENT if name == value else Presence.ABSENT for name in names}


def in_words(presence: Mapping[str, Presence]) -> str:
    """Return the decisions of a reader in one line."""
    return "; ".join(part for task in TASKS for part in _told(task, presence))


def _told(task: Task, presence: Mapping[str, Presence]) -> Sequence[str]:
    mine = [label for label in task.labels if label.name in presence]
    if not mine:
        return ()
    if not task.exclusive:
        return [_decided(_(label.title), presence[label.name]) for label in mine]
    present = [_(label.title) for label in mine if presence[label.name] is Presence.PRESENT]
    return present or [_("%(study)s: cannot tell", study=_(task.title))]


def _decided(title: str, presence: Presence) -> str:
    if presence is Presence.PRESENT:
        return _("%(finding)s: present", finding=title)
    if presence is Presence.ABSENT:
        return _("%(finding)s: absent", finding=title)
    return _("%(finding)s: cannot tell", finding=title)
