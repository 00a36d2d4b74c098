"""Opens every image of a data set: computes its hash, fills in what its header says, and lists what cannot be used."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from radiolens.data.case import Case, Manifest
from radiolens.data.pseudonym import pseudonym
from radiolens.data.rows import OLDEST_YEARS, path_problem
from radiolens.errors import UnreadableImage
from radiolens.imaging.limits import Limits
from radiolens.imaging.sandbox import Sandbox

__all__ = ["Examination", "Examined", "LeftOut", "examine"]

_SANDBOX = Sandbox(preload=("radiolens.data.confined",))
_AT_ONCE = 2  # as many children as the sandbox runs
_LONGEST_TEXT = 64  # of DICOM's code strings and short strings


@dataclass(frozen=True)
class Examination:
    """How images are opened.

    `salt` is of the pseudonyms. Without `decode` files are only hashed. `modalities` are the DICOM modalities that are
    kept; empty: all. With `dicom_only` other files are left out. With `pseudonymise` the patient ids that the cases
    have already become pseudonyms, too.
    """

    salt: bytes
    decode: bool = True
    modalities: tuple[str, ...] = ()
    dicom_only: bool = False
    pseudonymise: bool = False
    limits: Limits = Limits()


@dataclass(frozen=True)
class LeftOut:
    """An image that is not in the manifest, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Examined:
    """The manifest of the images that can be used, and those that are left out."""

    manifest: Manifest
    left_out: tuple[LeftOut, ...]


def examine(
    manifest: Manifest, how: Examination, progress: Callable[[int, int], None] = lambda done, total: None
) -> Examined:
    """Return the manifest with the hash of each file and with what headers say where it says nothing.

    A patient is PatientID, else StudyInstanceUID, and the slices of a series are one duplicate group; both as
    pseudonyms. Files with the same bytes become one duplicate group as well. What cannot be read, or is blank, is left
    out and listed.
    """
    pool = ThreadPoolExecutor(_AT_ONCE)
    found: list[Case | LeftOut] = []
    try:
        for result in pool.map(partial(_examined, manifest, how), manifest.cases):
            found.append(result)
            progress(len(found), len(manifest.cases))
    finally:
        pool.shutdown(cancel_futures=True)  # else an interruption would wait for every image
    cases = tuple(result for result in found if isinstance(result, Case))
    left_out = tuple(result for result in found if isinstance(result, LeftOut))
    return Examined(replace(manifest, cases=_linked(cases)), left_out)


def _examined(manifest: Manifest, how: Examination, case: Case) -> Case | LeftOut:
    if how.pseudonymise and case.patient_id:
        case = replace(case, patient_id=pseudonym(how.salt, "patient", case.patient_id))
    try:
        data = _content(case.path, manifest.path(case), how.limits)
        case = replace(case, sha256=_checked_hash(case, data))
        return _with_facts(case, _facts(data, how), how) if how.decode else case
    except UnreadableImage as error:
        return LeftOut(case.path, str(error))


def _content(path: str, file: Path, limits: Limits) -> bytes:
    problem = path_problem(path)
    if problem:
        raise UnreadableImage(f"The name cannot stand in a manifest, which takes {problem}. Rename the file.")
    try:
        if not file.is_file():
            raise UnreadableImage("There is no such file.")
        if file.stat().st_size > limits.file_bytes:
            raise UnreadableImage(f"The file has more than {limits.file_bytes / 1e6:.0f} MB, the most that is read.")
        return file.read_bytes()
    except OSError as error:
        raise UnreadableImage(f"The file cannot be opened ({error.strerror}).") from error


def _checked_hash(case: Case, data: bytes) -> str:
    found = hashlib.sha256(data).hexdigest()
    if case.sha256 not in ("", found):
        raise UnreadableImage(f"The SHA-256 is {found}, expected {case.sha256}: it is another file, or damaged.")
    return found


def _facts(data: bytes, how: Examination) -> Mapping[str, Any]:
    arguments = {"limits": asdict(how.limits), "salt": how.salt.hex()}
    return _SANDBOX.run("radiolens.data.confined:read_facts", [data], arguments, how.limits).facts


def _with_facts(case: Case, facts: Mapping[str, Any], how: Examination) -> Case:
    modality = _text(facts, "modality")
    if facts.get("blank") is True:  # as the first slices of a scan; its copies would link patients
        raise UnreadableImage("All of its pixels have one value, so there is nothing to see.")
    if how.dicom_only and facts.get("format") != "dicom":
        raise UnreadableImage("The file is not DICOM.")
    if modality and how.modalities and modality not in how.modalities:
        raise UnreadableImage(f"Its modality is {modality}; the task is for {', '.join(how.modalities)}.")
    return replace(
        case,
        patient_id=case.patient_id or _text(facts, "patient") or _text(facts, "study"),
        duplicate_group=case.duplicate_group or _text(facts, "series"),
        age=_age(facts) if case.age is None else case.age,
        sex=case.sex or _text(facts, "sex"),
        view=case.view or _text(facts, "view"),
    )


def _text(facts: Mapping[str, Any], name: str) -> str:
    """Return a text from the child, which may have been taken over: nothing long, nothing that breaks a table."""
    value = facts.get(name)
    return re.sub(r"[^ -~]", "?", value[:_LONGEST_TEXT]) if isinstance(value, str) else ""


def _age(facts: Mapping[str, Any]) -> float | None:
    value = facts.get("age")
    if not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= OLDEST_YEARS:
        return None
    return round(float(value), 3)  # an age in days, to the day


def _linked(cases: tuple[Case, ...]) -> tuple[Case, ...]:
    """Return the cases with equal files of a source in one duplicate group, unless they are in another already."""
    counts = Counter((case.source, case.sha256) for case in cases)
    groups = {(case.source, case.sha256): case.duplicate_group for case in reversed(cases) if case.duplicate_group}

    def linked(case: Case) -> Case:
        key = (case.source, case.sha256)
        if case.duplicate_group or counts[key] == 1:
            return case
        return replace(case, duplicate_group=groups.get(key, f"sha256-{case.sha256[:16]}"))

    return tuple(map(linked, cases))
