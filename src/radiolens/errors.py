"""All errors of radiolens: one tree, translated once per edge (HTTP status, exit code).

    RadiolensError
     ├── InputError              the user's file or request; its message goes to the user
     │    ├── UnreadableImage    not an image, truncated, unsupported transfer syntax, over a limit
     │    ├── UnsupportedImage   readable, but not what the task is for
     │    ├── RejectedImage      failed the quality gate; carries the Quality
     │    ├── UnknownCase        the work list has no such case or image
     │    ├── InvalidAccount     an account or password cannot be as asked
     │    └── WrongState         the case is closed, its images are erased, or its answer is not revealed yet
     ├── DatasetError            a data set or its manifest
     │    ├── InvalidManifest    carries file, row, column
     │    └── PatientLeakage     carries the (hashed) patient ids
     ├── BundleError             a model bundle
     │    ├── CorruptBundle      checksum or golden pair differs; carries expected and found
     │    ├── UnknownTask        carries the known names
     │    └── UnknownBundle      carries the known names
     ├── StoreError              what the site keeps: its database and its working store
     │    ├── StoreBusy          another program holds it for too long; nothing was changed
     │    ├── StoreFull          the disk or the quota is full; nothing was changed
     │    ├── StoreUnavailable   cannot be opened or reached, or is damaged
     │    └── OtherSchema        made by another version; carries found and expected
     ├── TrainingDiverged        the loss of a run is no number any more; carries the epoch
     └── PeerError               a network partner failed; carries address and status

A message says what was found, what was expected, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from radiolens.quality import ProblemCode, Quality

__all__ = [
    "BundleError",
    "CorruptBundle",
    "DatasetError",
    "InputError",
    "InvalidAccount",
    "InvalidManifest",
    "OtherSchema",
    "PatientLeakage",
    "PeerError",
    "RadiolensError",
    "RejectedImage",
    "StoreBusy",
    "StoreError",
    "StoreFull",
    "StoreUnavailable",
    "TrainingDiverged",
    "UnknownBundle",
    "UnknownCase",
    "UnknownTask",
    "UnreadableImage",
    "UnsupportedImage",
    "WrongState",
]


class RadiolensError(Exception):
    """Base of every error that radiolens raises on purpose."""


class InputError(RadiolensError):
    """The user's file or request cannot be used; the message is for the user."""


class UnreadableImage(InputError):
    """The bytes are not an image that can be decoded within the limits."""

    def __init__(self, message: str, code: ProblemCode = ProblemCode.UNREADABLE) -> None:
        super().__init__(message)
        self.code = code


class UnsupportedImage(InputError):
    """The image is readable, but not what the task is for."""

    def __init__(self, message: str, code: ProblemCode) -> None:
        super().__init__(message)
        self.code = code


class RejectedImage(InputError):
    """The image failed the quality gate."""

    def __init__(self, quality: Quality) -> None:
        super().__init__(" ".join(problem.message for problem in quality.problems))
        self.quality = quality


class UnknownCase(InputError):
    """The work list has no case or image of this id."""


class InvalidAccount(InputError):
    """An account cannot be made or changed as asked: its name, its password, or it is the last administrator."""


class WrongState(InputError):
    """What is asked of a case does not go: it is closed, its images are erased, or its answer is not revealed yet."""


class DatasetError(RadiolensError):
    """A data set cannot be used as it is."""


class InvalidManifest(DatasetError):
    """A manifest breaks its format; `row` counts data rows from 1."""

    def __init__(self, message: str, file: Path, row: int | None = None, column: str | None = None) -> None:
        place = ", ".join(part for part in (str(file), row and f"row {row}", column and f"column {column!r}") if part)
        super().__init__(f"{place}: {message}")
        self.file = file
        self.row = row
        self.column = column


class PatientLeakage(DatasetError):
    """Patients or duplicate groups stand in more than one split; their ids are hashed."""

    def __init__(self, message: str, hashed_ids: Sequence[str]) -> None:
        super().__init__(message)
        self.hashed_ids = tuple(hashed_ids)


class BundleError(RadiolensError):
    """A model bundle cannot be used."""


class CorruptBundle(BundleError):
    """A bundle's content differs from what it declares."""

    def __init__(self, message: str, expected: str, found: str) -> None:
        super().__init__(f"{message}: expected {expected}, found {found}. Install the bundle again.")
        self.expected = expected
        self.found = found


class UnknownBundle(BundleError):
    """No bundle of this name answers what is asked; `found` says what there is instead, as a sentence."""

    def __init__(self, name: str, known: Sequence[str], found: str, of: str = "") -> None:
        super().__init__(f"{found} Bundles{of and f' of {of}'}: {', '.join(known) or 'none'}.")
        self.name = name
        self.known = tuple(known)


class UnknownTask(BundleError):
    """No task of this name is known, or none that a bundle answers."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"Unknown task {name!r}. Known tasks: {', '.join(known)}.")
        self.name = name
        self.known = tuple(known)


class StoreError(RadiolensError):
    """What the site keeps cannot be read or written as asked."""


class StoreBusy(StoreError):
    """Another program held it for too long; nothing was changed, and the same may be tried again."""


class StoreFull(StoreError):
    """The disk or the site's quota is full; nothing was changed."""


class StoreUnavailable(StoreError):
    """It cannot be opened, reached, read or written."""


class OtherSchema(StoreError):
    """The database was made by another version of radiolens; `found` and `expected` name revisions of its tables."""

    def __init__(self, message: str, found: str, expected: str) -> None:
        super().__init__(f"{message} Found revision {found}, expected {expected}.")
        self.found = found
        self.expected = expected


class TrainingDiverged(RadiolensError):
    """The loss of a run is no number any more; `epoch` counts from 1."""

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(f"epoch {epoch}: {message}")
        self.epoch = epoch


class PeerError(RadiolensError):
    """A DICOM, DICOMweb, FHIR or download partner failed."""

    def __init__(self, message: str, address: str, status: int | None = None) -> None:
        super().__init__(f"{address}: {message}")
        self.address = address
        self.status = status
