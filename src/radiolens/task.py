"""What can be asked of an image: pure data."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

__all__ = ["Code", "Label", "Limit", "Task"]


@dataclass(frozen=True)
class Code:
    """A coded concept: DICOM's triplet of code value, coding scheme designator and code meaning (PS3.3, 8.1-8.3)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class Label:
    """One answer a task can give.

    `name` is the contract's name, `title` what a page shows, `definition` how the training labels were made.
    `released` is false while there is no adequate data; `why_unreleased` then says so. `youngest_age` is the age in
    years from which on the answer is meant; below it nothing was learnt.
    """

    name: str
    title: str
    definition: str
    code: Code | None = None
    normal: bool = False
    why_unreleased: str = ""
    youngest_age: int = 0

    @property
    def released(self) -> bool:
        """Say whether a released network answers this label."""
        return not self.why_unreleased


@dataclass(frozen=True)
class Limit:
    """A sentence that stands beside an answer, and where it applies.

    `labels` are the findings it is about, empty for all of the task. It applies to patients from `from_age` years on
    and below `to_age`, and with `volumes` only to volumes (True) or only to single images (False).
    """

    text: str
    labels: tuple[str, ...] = ()
    from_age: float = 0.0
    to_age: float = math.inf
    volumes: bool | None = None

    def is_about(self, labels: Collection[str]) -> bool:
        """Say whether it is about one of these findings, or all of the task."""
        return not self.labels or any(name in labels for name in self.labels)

    def applies(self, age_years: float | None, *, volume: bool) -> bool:
        """Say whether it applies to an image; what is not known of the patient's age is not held against it."""
        right_kind = self.volumes is None or self.volumes == volume
        return right_kind and (age_years is None or self.from_age <= age_years < self.to_age)


@dataclass(frozen=True)
class Task:
    """A question about one kind of image.

    `modalities` are the DICOM Modality values (PS3.3 C.7.3.1.1.1) the task accepts, `body_parts` the accepted
    Body Part Examined values (PS3.16 Annex L), the first being the main one. `exclusive` labels sum to one
    (softmax); otherwise each label is a finding of its own (sigmoid). `negative_answer` is what a page says when
    nothing abnormal was found and all labels were looked for; never "healthy". `limits` stand beside the answers,
    behind `scope`.
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    labels: tuple[Label, ...]
    exclusive: bool
    intended_use: str
    negative_answer: str
    limits: tuple[Limit, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Return the names of the labels, in the order the task declares them."""
        return tuple(label.name for label in self.labels)

    def labels_below_age(self, age_years: float | None) -> frozenset[str]:
        """Return the names of the labels not meant for a patient so young; none if the age is not known."""
        if age_years is None:
            return frozenset()
        return frozenset(label.name for label in self.labels if age_years < label.youngest_age)

    def label(self, name: str) -> Label:
        """Return the label of this name; raise KeyError if the task has none."""
        for label in self.labels:
            if label.name == name:
                return label
        raise KeyError(name)

    def nothing_found(self, labels: Collection[str]) -> str:
        """Return what is said when nothing was found of these labels, which were looked for; never "healthy"."""
        if set(labels) == set(self.label_names):
            return self.negative_answer
        return f"No {_listed(self._abnormal(labels), 'or')} found"

    def scope(self, labels: Collection[str]) -> Limit:
        """Return the limit that says what alone is looked for where these labels are answered."""
        titles = self._abnormal(labels)
        verb = "is" if len(titles) == 1 else "are"
        return Limit(f"Only {_listed(titles, 'and')} {verb} looked for; every other disease is missed.")

    def limit_texts(self, labels: Collection[str]) -> tuple[str, ...]:
        """Return what a bundle that answers these labels says of its limits."""
        return tuple(limit.text for limit in (self.scope(labels), *self.limits) if limit.is_about(labels))

    def limit(self, text: str) -> Limit:
        """Return the limit of this text.

        One that the task does not know, of another version's or a site's bundle, is about the findings it names.
        """
        named = tuple(label.name for label in self.labels if label.title.lower() in text.lower())
        return next((limit for limit in self.limits if limit.text == text), Limit(text, named))

    def _abnormal(self, labels: Collection[str]) -> list[str]:
        return [label.title.lower() for label in self.labels if label.name in labels and not label.normal]


def _listed(words: Sequence[str], last: str) -> str:
    """Return words as a sentence lists them."""
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
