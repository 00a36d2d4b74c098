"""What an audit found, as values. `record.py` writes them as JSON, `page.py` as a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from radiolens.data.audit.alignment import Flip
from radiolens.data.audit.duplicates import Copies
from radiolens.data.audit.reading import FileProblem
from radiolens.evaluation.intervals import Interval

__all__ = [
    "AuditReport",
    "BalanceRow",
    "Contradiction",
    "Distribution",
    "DuplicateGroup",
    "DuplicatePair",
    "Leak",
    "OneSided",
    "Remark",
    "Severity",
    "Shortcut",
]


class Severity(StrEnum):
    """How much a remark matters."""

    PROBLEM = "problem"
    """Must be put right before training."""
    WARNING = "warning"
    """Makes measures look better than they are, or may."""
    INFORMATION = "information"
    """Good to know."""


@dataclass(frozen=True)
class Remark:
    """One line of the summary: a stable code, how many are concerned, what was found, what to do."""

    code: str
    severity: Severity
    count: int
    message: str
    advice: str


@dataclass(frozen=True)
class DuplicatePair:
    """Two copies, by path. `known`: the manifest puts both in one duplicate group or one patient.

    `across` names what separates them, of split, fold, patient and source. `contradiction`: their labels exclude each
    other.
    """

    first: str
    second: str
    copies: Copies
    flip: Flip
    similarity: float
    known: bool
    across: tuple[str, ...]
    contradiction: bool


@dataclass(frozen=True)
class DuplicateGroup:
    """Copies of one picture, with the name that is proposed for the column `duplicate_group`."""

    name: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Leak:
    """Patients or duplicate groups of the manifest that stand in two splits or folds; training refuses that.

    `part` is split or fold. The ids are hashed: SHA-256, first 12 digits.
    """

    part: str
    hashed_ids: tuple[str, ...]


@dataclass(frozen=True)
class Contradiction:
    """Images of one patient with labels that exclude each other; which may be right, since disease changes."""

    hashed_patient: str
    labels: tuple[str, ...]
    images: int


@dataclass(frozen=True)
class BalanceRow:
    """How many images of a source have a label, in each split (an empty name where the manifest gives none)."""

    source: str
    label: str
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Return the images in all splits."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Distribution:
    """How many images of a source and label fall in each band of age, sex or view."""

    attribute: str
    source: str
    label: str
    counts: Mapping[str, int]


@dataclass(frozen=True)
class OneSided:
    """A source that has one answer only to a question, so that knowing the source is knowing the answer."""

    source: str
    question: str
    answer: str
    images: int


@dataclass(frozen=True)
class Shortcut:
    """How well border and brightness numbers alone, without any anatomy, tell one side from the other.

    `question` is a label or a source, told from the rest; `about` is class or source; `within` the source on whose
    images it was asked, empty for all.
    """

    about: str
    question: str
    within: str
    positives: int
    negatives: int
    groups: int
    auroc: Interval
    verdict: str


@dataclass(frozen=True)
class AuditReport:
    """All that was found on a manifest, the summary first."""

    manifest: str
    task: str
    images: int
    readable: int
    embedding: str
    remarks: tuple[Remark, ...]
    files: tuple[FileProblem, ...]
    pairs: tuple[DuplicatePair, ...]
    groups: tuple[DuplicateGroup, ...]
    leaks: tuple[Leak, ...]
    contradictions: tuple[Contradiction, ...]
    balance: tuple[BalanceRow, ...]
    distributions: tuple[Distribution, ...]
    one_sided: tuple[OneSided, ...]
    shortcuts: tuple[Shortcut, ...]

    @property
    def clean(self) -> bool:
        """Say whether there is nothing but information."""
        return all(remark.severity is Severity.INFORMATION for remark in self.remarks)
