"""The audit of a manifest from beginning to end."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from radiolens.data.audit.balance import balance, distributions, one_sided
from radiolens.data.audit.conflicts import contradictions, duplicate_groups, duplicate_pairs, leaks
from radiolens.data.audit.duplicates import SAME_PICTURE, Copies, Match, exact_matches, merged, near_matches
from radiolens.data.audit.reading import Embedding, FileProblem, ProblemKind, Reading, embed, file_bytes, read
from radiolens.data.audit.report import AuditReport
from radiolens.data.audit.shortcut import shortcuts
from radiolens.data.audit.store import Store
from radiolens.data.audit.summary import remarks
from radiolens.data.case import Case
from radiolens.data.manifest import Manifest
from radiolens.data.splits import group_ids
from radiolens.errors import DatasetError, UnreadableImage
from radiolens.imaging.preprocess import Preprocessing

__all__ = ["Audited", "Progress", "audit"]

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total)."""

_CHUNK = 32  # images kept at once; what an interruption costs
_THUMBNAILS = 20_000  # 330 MB at most in memory; more are read again from the store
_WORKERS = 2  # as many as the sandbox runs children


@dataclass(frozen=True)
class Audited:
    """The report, and by path the SHA-256 under which the store keeps each image that could be read."""

    report: AuditReport
    hashes: Mapping[str, str]


@dataclass(frozen=True)
class _Readable:
    """The cases whose files could be read, with the SHA-256 of each."""

    cases: tuple[Case, ...]
    hashes: tuple[str, ...]
    problems: tuple[FileProblem, ...]


def audit(
    manifest: Manifest,
    embedding: Embedding,
    store: Store,
    seed: int = 0,
    threshold: float = SAME_PICTURE,
    progress: Progress = lambda stage, done, total: None,
) -> Audited:
    """Return what is wrong with a manifest and its files. What was read is kept in `store`.

    Nothing stops at a bad file; raises DatasetError if none can be read.
    """
    found = _read_all(manifest, embedding, store, progress)
    if not found.cases:
        raise DatasetError(f"{manifest.file}: none of {len(manifest.cases)} images can be read. Check the folder.")
    matches = _matches(found.hashes, store, threshold, progress)
    pairs = duplicate_pairs(found.cases, matches)
    groups = duplicate_groups(found.cases, matches)
    told = shortcuts(
        manifest.task,
        found.cases,
        store.borders(found.hashes),
        _together(found.cases, matches),
        seed,
        lambda done, total: progress("Fitting controls", done, total),
    )
    leaking, contradicting = leaks(manifest.cases), contradictions(manifest.cases, manifest.task)
    lopsided = one_sided(manifest.cases, manifest.task)
    report = AuditReport(
        manifest=str(manifest.file),
        task=manifest.task.name,
        images=len(manifest.cases),
        readable=len(found.cases),
        embedding=embedding.name,
        remarks=remarks(found.problems, pairs, leaking, contradicting, lopsided, told),
        files=found.problems,
        pairs=pairs,
        groups=groups,
        leaks=leaking,
        contradictions=contradicting,
        balance=balance(manifest.cases, manifest.task),
        distributions=distributions(manifest.cases, manifest.task),
        one_sided=lopsided,
        shortcuts=told,
    )
    paths = (case.path for case in found.cases)
    return Audited(report, MappingProxyType(dict(zip(paths, found.hashes, strict=True))))


@dataclass(frozen=True)
class _Inspected:
    """One file: its SHA-256 (empty if it could not be read), what was read unless it is known, what is wrong."""

    sha256: str
    reading: Reading | None
    problems: tuple[FileProblem, ...] = ()


def _read_all(manifest: Manifest, embedding: Embedding, store: Store, progress: Progress) -> _Readable:
    known = store.known()
    cases: list[Case] = []
    hashes: list[str] = []
    problems: list[FileProblem] = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        for start in range(0, len(manifest.cases), _CHUNK):
            chunk = manifest.cases[start : start + _CHUNK]
            # Decoding runs ahead in children while the network works here.
            inspected = pool.map(lambda case: _inspect(manifest, case, embedding.preprocessing, known), chunk)
            embedded = []
            for case, one in zip(chunk, inspected, strict=True):
                problems.extend(one.problems)
                if one.reading:
                    embedded.append(embed(one.reading, embedding))
                if one.sha256:
                    cases.append(case)
                    hashes.append(one.sha256)
            store.add(embedded)
            progress("Reading images", start + len(chunk), len(manifest.cases))
    return _Readable(tuple(cases), tuple(hashes), tuple(problems))


def _inspect(manifest: Manifest, case: Case, preprocessing: Preprocessing, known: frozenset[str]) -> _Inspected:
    def problem(kind: ProblemKind, reason: str) -> FileProblem:
        return FileProblem(case.path, kind, reason)

    try:
        data = file_bytes(manifest.path(case))
        sha256 = hashlib.sha256(data).hexdigest()
        reading = None if sha256 in known else read(data, preprocessing)
    except (FileNotFoundError, NotADirectoryError):
        return _Inspected("", None, (problem(ProblemKind.MISSING, "There is no such file."),))
    except UnreadableImage as error:
        return _Inspected("", None, (problem(ProblemKind.UNREADABLE, str(error)),))
    if case.sha256.lower() in ("", sha256):
        return _Inspected(sha256, reading)
    changed = problem(ProblemKind.CHANGED, f"The manifest states SHA-256 {case.sha256}, the file has {sha256}.")
    return _Inspected(sha256, reading, (changed,))


def _matches(hashes: Sequence[str], store: Store, threshold: float, progress: Progress) -> tuple[Match, ...]:
    """Return the copies among the files, each kind among those that the kind before has left."""
    same_file = exact_matches(hashes, Copies.FILE)
    places = _left(range(len(hashes)), same_file)
    pixels = store.pixels_sha256([hashes[place] for place in places])
    same_pixels = _placed(exact_matches(pixels, Copies.PIXELS), places)
    places = _left(places, same_pixels)
    left = [hashes[place] for place in places]

    @lru_cache(maxsize=_THUMBNAILS)
    def thumbnail(index: int) -> NDArray[np.uint8]:
        return store.thumbnail(left[index])

    near = near_matches(
        store.features(left),
        store.features(left, mirrored=True),
        thumbnail,
        threshold,
        lambda done, total: progress("Comparing images", done, total),
    )
    return (*same_file, *same_pixels, *_placed(near, places))


def _left(places: Sequence[int], matches: Sequence[Match]) -> list[int]:
    copies = {match.second for match in matches}
    return [place for place in places if place not in copies]


def _placed(matches: Sequence[Match], places: Sequence[int]) -> tuple[Match, ...]:
    return tuple(replace(match, first=places[match.first], second=places[match.second]) for match in matches)


def _together(cases: Sequence[Case], matches: Sequence[Match]) -> list[int]:
    """Return a number for each case, the same for cases linked by patient, duplicate group or match."""
    groups = list(group_ids(cases))
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    links = [*members.values(), *((match.first, match.second) for match in matches)]
    for joined in merged(links, len(cases)):
        for index in joined:
            groups[index] = joined[0] - len(cases)  # below 0: a number that no group has
    return groups
