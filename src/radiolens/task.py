"""What can be asked of an image: pure data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Code", "Label", "Task"]


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
    `released` is false while there is no adequate data; `why_unreleased` then says so.
    """

    name: str
    title: str
    definition: str
    code: Code | None = None
    normal: bool = False
    why_unreleased: str = ""

    @property
    def released(self) -> bool:
        """Say whether a released network answers this label."""
        return not self.why_unreleased


@dataclass(frozen=True)
class Task:
    """A question about one kind of image.

    `modalities` are the DICOM Modality values (PS3.3 C.7.3.1.1.1) the task accepts, `body_parts` the accepted
    Body Part Examined values (PS3.16 Annex L), the first being the main one. `exclusive` labels sum to one
    (softmax); otherwise each label is a finding of its own (sigmoid). `negative_answer` is what a page says when
    nothing abnormal was found; never "healthy". `limits` are sentences that stand beside every answer.
    """

    name: str
    title: str
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    labels: tuple[Label, ...]
    exclusive: bool
    intended_use: str
    negative_answer: str
    limits: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Return the names of the labels, in the order the task declares them."""
        return tuple(label.name for label in self.labels)

    def label(self, name: str) -> Label:
        """Return the label of this name; raise KeyError if the task has none."""
        for label in self.labels:
            if label.name == name:
                return label
        raise KeyError(name)
