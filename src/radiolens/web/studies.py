"""What can be chosen on the page: a task, one finding of it, or another bundle than the task's default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from radiolens.bundle import Bundle
from radiolens.image import Image
from radiolens.inference.installed import Installed
from radiolens.inference.predict import AUTO
from radiolens.prediction import Finding
from radiolens.task import Label, Task
from radiolens.tasks import get_task

__all__ = ["IMPORTED", "STUDIES", "Study", "bundle_studies", "find_study"]

IMPORTED = "imported network, not calibrated"
"""What is said of such a network wherever its answer stands."""


@dataclass(frozen=True)
class Study:
    """A choice on the page; `label` restricts it to one finding of the task.

    `task_name` is `auto` where the image itself chooses the task. `bundle` names the bundle that answers, None the
    task's default. `labels` are what it answers, empty if that is all of the task; `calibrated` says whether its
    numbers are probabilities.
    """

    key: str
    title: str
    hint: str
    task_name: str
    label: str = ""
    bundle: str | None = None
    labels: tuple[str, ...] = ()
    calibrated: bool = True

    @property
    def task(self) -> Task:
        """Return the task that is asked."""
        return get_task(self.task_name)

    @property
    def negative_answer(self) -> str:
        """Return what is said when nothing that was looked for was found."""
        return self.task.nothing_found(self._answered)

    def on(self, task: str | None) -> Study:
        """Return the study of the task that was chosen for an image; the same if it names one itself, or none was."""
        return replace(self, task_name=task) if task and self.task_name == AUTO else self

    def answered_by(self, bundle: Bundle) -> Study:
        """Return the same study, which promises no more than the bundle answers."""
        return replace(self, labels=bundle.labels)

    def concerning(self, limits: Sequence[str], image: Image) -> tuple[str, ...]:
        """Return those of a bundle's limits that concern the study's findings and this image, behind its scope."""
        scope = self.task.scope(self._answered).text
        whole = self.task.scope(self.task.label_names).text
        known = (self.task.limit(text) for text in limits if text not in (scope, whole))
        age, volume = image.source.patient_age_years, image.is_volume
        mine = (limit.text for limit in known if limit.is_about(self._answered) and limit.applies(age, volume=volume))
        return (scope, *mine)

    def shows(self, finding: Finding) -> bool:
        """Say whether the finding was asked for."""
        return self.label in ("", finding.label)

    def named(self, finding: Finding) -> Label:
        """Return what is known of the finding's label."""
        return self.task.label(finding.label)

    @property
    def _answered(self) -> tuple[str, ...]:
        return (self.label,) if self.label else self.labels or self.task.label_names


def bundle_studies(installed: Installed) -> tuple[Study, ...]:
    """Return a choice for each bundle that no study of the page asks; the imported ones last."""
    asked = [installed.default(study.task_name) for study in STUDIES]
    found = (_bundle_study(entry.bundle) for entry in installed.bundles if entry not in asked)
    return tuple(sorted(found, key=lambda study: not study.calibrated))


def _bundle_study(bundle: Bundle) -> Study:
    task = get_task(bundle.task)
    titles = ", ".join(task.label(name).title.lower() for name in bundle.labels)
    return Study(
        key=f"bundle:{bundle.name}",
        title=bundle.name,
        hint=f"{task.title}: {titles}",
        task_name=bundle.task,
        bundle=bundle.name,
        labels=bundle.labels,
        calibrated=bundle.calibrated,
    )


STUDIES = (
    Study("chest", "Whole chest", "Pneumonia and tuberculosis, frontal chest X-ray", "chest-xray"),
    Study("pneumonia", "Pneumonia", "Frontal chest X-ray", "chest-xray", "pneumonia"),
    Study("tuberculosis", "Tuberculosis", "Frontal chest X-ray, from 15 years on", "chest-xray", "tuberculosis"),
    Study("brain", "Brain tumour", "MR slices; T1 after contrast for the type of tumour", "brain-mri"),
    Study("head-ct", "Brain haemorrhage", "CT slices of the head without contrast", "brain-ct"),
    Study("auto", "Not sure", "The image decides, or it is said that no study fits", AUTO),
)
"""In the order of the page."""


def find_study(key: str, studies: Sequence[Study] = STUDIES) -> Study | None:
    """Return the study of this key, None if there is none."""
    return next((study for study in studies if study.key == key), None)
