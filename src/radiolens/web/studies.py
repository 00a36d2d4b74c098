"""What can be chosen on the page: a task, one finding of it, or another bundle than the task's default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from radiolens.bundle import Bundle
from radiolens.inference.installed import Installed
from radiolens.inference.predict import AUTO
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.locale.writing import listed
from radiolens.prediction import Finding
from radiolens.report.content import Passage
from radiolens.task import Label, Task
from radiolens.tasks import get_task
from radiolens.web.passages import bundle_text
from radiolens.worklist.facts import ImageFacts

__all__ = ["IMPORTED", "STUDIES", "Study", "bundle_studies", "find_study", "limits_of"]

IMPORTED = N_("imported network, not calibrated")
"""What is said of such a network wherever its answer stands."""

_OLDER_LIMITS = (
    N_(
        "Slices are judged. The answer for a whole volume is a mean over slices, in which a small haemorrhage is "
        "averaged away, and is not validated."
    ),
)
"""What a released bundle says in other words than its task does now, here only to be translated."""


@dataclass(frozen=True)
class Study:
    """A choice on the page; `label` restricts it to one finding of the task.

    `hint` says more of it, and is empty of a bundle, whose labels say it. `task_name` is `auto` where the image itself
    chooses the task. `bundle` names the bundle that answers, None the task's default. `labels` are what it answers,
    empty if that is all of the task; `calibrated` says whether its numbers are probabilities.
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
    def shown_title(self) -> str:
        """Return the title in the language of the page; a bundle's name is the same in all."""
        return self.title if self.bundle else _(self.title)

    @property
    def shown_hint(self) -> str:
        """Return the hint in the language of the page."""
        if not self.bundle:
            return _(self.hint)
        return _("%(task)s: %(findings)s", task=_(self.task.title), findings=listed(self._titles(self.labels)))

    @property
    def negative_answer(self) -> str:
        """Return what is said when nothing that was looked for was found; never "healthy"."""
        if set(self._answered) == set(self.task.label_names):
            return _(self.task.negative_answer)
        return _("No %(findings)s found", findings=listed(self._abnormal_titles, "or"))

    def on(self, task: str | None) -> Study:
        """Return the study of the task that was chosen for an image; the same if it names one itself, or none was."""
        return replace(self, task_name=task) if task and self.task_name == AUTO else self

    def answering(self, labels: tuple[str, ...]) -> Study:
        """Return the same study, which promises no more than these labels, those of the bundle that answers."""
        return replace(self, labels=labels)

    def concerning(self, limits: Sequence[str], facts: ImageFacts) -> tuple[Passage, ...]:
        """Return those of a bundle's limits that concern the study's findings and this image, behind its scope."""
        age, volume = facts.age_years, facts.is_volume
        known = map(self.task.limit, self._beside_scope(limits))
        mine = (limit.text for limit in known if limit.is_about(self._answered) and limit.applies(age, volume=volume))
        return (Passage(self._scope), *map(bundle_text, mine))

    def shows(self, finding: Finding) -> bool:
        """Say whether the finding was asked for."""
        return self.label in ("", finding.label)

    def named(self, finding: Finding) -> Label:
        """Return what is known of the finding's label."""
        return self.task.label(finding.label)

    def _beside_scope(self, limits: Sequence[str]) -> Iterator[str]:
        """Yield a bundle's limits but for its scope, which is said in the language of the page."""
        scopes = (self.task.scope(self._answered).text, self.task.scope(self.task.label_names).text)
        return (text for text in limits if text not in scopes)

    @property
    def _scope(self) -> str:
        titles = self._abnormal_titles
        one, more = (
            N_("Only %(findings)s is looked for; every other disease is missed."),
            N_("Only %(findings)s are looked for; every other disease is missed."),
        )
        return _(one if len(titles) == 1 else more, findings=listed(titles))

    @property
    def _abnormal_titles(self) -> list[str]:
        return self._titles(
            label.name for label in self.task.labels if label.name in self._answered and not label.normal
        )

    def _titles(self, names: Iterable[str]) -> list[str]:
        return [_(self.task.label(name).title).lower() for name in names]

    @property
    def _answered(self) -> tuple[str, ...]:
        return (self.label,) if self.label else self.labels or self.task.label_names


def bundle_studies(installed: Installed) -> tuple[Study, ...]:
    """Return a choice for each bundle that no study of the page asks; the imported ones last."""
    asked = [installed.default(study.task_name) for study in STUDIES]
    found = (_bundle_study(entry.bundle) for entry in installed.bundles if entry not in asked)
    return tuple(sorted(found, key=lambda study: not study.calibrated))


def limits_of(bundle: Bundle) -> tuple[Passage, ...]:
    """Return all limits of a bundle, behind the scope of what it answers."""
    study = _bundle_study(bundle)
    return (Passage(study._scope), *map(bundle_text, study._beside_scope(bundle.limits)))


def _bundle_study(bundle: Bundle) -> Study:
    return Study(
        key=f"bundle:{bundle.name}",
        title=bundle.name,
        hint="",
        task_name=bundle.task,
        bundle=bundle.name,
        labels=bundle.labels,
        calibrated=bundle.calibrated,
    )


STUDIES = (
    Study("chest", N_("Whole chest"), N_("Pneumonia and tuberculosis, frontal chest X-ray"), "chest-xray"),
    Study("pneumonia", N_("Pneumonia"), N_("Frontal chest X-ray"), "chest-xray", "pneumonia"),
    Study(
        "tuberculosis", N_("Tuberculosis"), N_("Frontal chest X-ray, from 15 years on"), "chest-xray", "tuberculosis"
    ),
    Study("brain", N_("Brain tumour"), N_("MR slices; T1 after contrast for the type of tumour"), "brain-mri"),
    Study("head-ct", N_("Brain haemorrhage"), N_("CT slices of the head without contrast"), "brain-ct"),
    Study("auto", N_("Not sure"), N_("The image decides, or it is said that no study fits"), AUTO),
)
"""In the order of the page."""


def find_study(key: str, studies: Sequence[Study] = STUDIES) -> Study | None:
    """Return the study of this key, None if there is none."""
    return next((study for study in studies if study.key == key), None)
