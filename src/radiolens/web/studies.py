"""What can be chosen on the page: a task, or one finding of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from radiolens.prediction import Finding
from radiolens.task import Label, Task
from radiolens.tasks import get_task

__all__ = ["STUDIES", "Study", "find_study"]


@dataclass(frozen=True)
class Study:
    """A choice on the page; `label` restricts it to one finding of the task."""

    key: str
    title: str
    hint: str
    task_name: str
    label: str = ""

    @property
    def task(self) -> Task:
        """Return the task that is asked."""
        return get_task(self.task_name)

    @property
    def negative_answer(self) -> str:
        """Return what is said when nothing that was looked for was found."""
        return f"No {self._title} found" if self.label else self.task.negative_answer

    def concerning(self, limits: Sequence[str]) -> tuple[str, ...]:
        """Return a bundle's limits; of one finding, those that concern it, and that it alone was looked for."""
        if not self.label:
            return tuple(limits)
        only = f"Only {self._title} is looked for; every other disease is missed."
        return (only, *(text for text in limits if self._concerns(text)))

    def _concerns(self, limit: str) -> bool:
        """Say whether a limit is not of other findings alone, nor the one that says what the whole task looks for."""
        others = [label.title.lower() for label in self.task.labels if label.name != self.label]
        named = self._title in limit.lower() or not any(title in limit.lower() for title in others)
        return named and not limit.startswith("Only ")

    def shows(self, finding: Finding) -> bool:
        """Say whether the finding was asked for."""
        return self.label in ("", finding.label)

    def named(self, finding: Finding) -> Label:
        """Return what is known of the finding's label."""
        return self.task.label(finding.label)

    @property
    def _title(self) -> str:
        return self.task.label(self.label).title.lower()


STUDIES = (
    Study("chest", "Whole chest", "Pneumonia and tuberculosis, frontal chest X-ray", "chest-xray"),
    Study("pneumonia", "Pneumonia", "Frontal chest X-ray", "chest-xray", "pneumonia"),
    Study("tuberculosis", "Tuberculosis", "Frontal chest X-ray, from 15 years on", "chest-xray", "tuberculosis"),
    Study("brain", "Brain tumour", "MR slices; T1 after contrast for the type of tumour", "brain-mri"),
)
"""In the order of the page."""


def find_study(key: str) -> Study | None:
    """Return the study of this key, None if there is none."""
    return next((study for study in STUDIES if study.key == key), None)
