"""Brings a public set to a folder: what can be fetched is fetched, what a person must place is checked, all is noted.

The folder's `radiolens-acquired.json` states source, terms and, for each file, address, size, SHA-256 and date. A file
whose checksum nobody publishes is compared with what was noted when it first came.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from radiolens.data.catalogue import PublicSet, RemoteFile
from radiolens.data.download import PATIENCE, Patience, download, file_sha256
from radiolens.data.unpack import is_archive, stamp_of, unpack
from radiolens.errors import DatasetError

__all__ = ["NOTE", "Acquired", "Noted", "Progress", "acquire", "read_note", "set_of_address"]

NOTE = "radiolens-acquired.json"
"""The file that states what was acquired."""

_ENDINGS = re.compile(r"(\.tar)?\.[a-z0-9]+$", re.IGNORECASE)

Progress = Callable[[str, int, int], None]
"""Told of (what is done, done, total) in bytes."""


@dataclass(frozen=True)
class Noted:
    """What is noted of a file that was acquired."""

    url: str
    file_bytes: int
    sha256: str
    acquired: str
    """Date and time in UTC, ISO 8601."""


@dataclass(frozen=True)
class Acquired:
    """The files that are there, and those that a person still has to place."""

    noted: Mapping[str, Noted]
    missing: tuple[RemoteFile, ...]


def acquire(
    public_set: PublicSet,
    folder: Path,
    *,
    unpacked: bool = True,
    patience: Patience = PATIENCE,
    progress: Progress = lambda what, done, total: None,
) -> Acquired:
    """Bring the files of a set to `folder` and unpack its archives, each to a folder of its name.

    What is there already is checked and kept, so a call that was interrupted is simply repeated. Raises PeerError if
    a server fails, DatasetError if a file is not the one that the catalogue, or an earlier note, says it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    noted = dict(read_note(folder))
    missing = []
    for file in public_set.files:
        found = _fetched(file, folder, noted.get(file.name), patience, progress)
        if found is None:
            missing.append(file)
            continue
        noted[file.name] = found
        _write_note(public_set, folder, noted)
        if unpacked and is_archive(file.name):
            _unpack(folder / file.name, found, progress)
    return Acquired(MappingProxyType(noted), tuple(missing))


def read_note(folder: Path) -> Mapping[str, Noted]:
    """Return what is noted of the files in a folder; nothing if there is no note."""
    file = folder / NOTE
    try:
        return {name: Noted(**entry) for name, entry in json.loads(file.read_text(encoding="utf-8"))["files"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{file}: it cannot be read ({error}). Restore it, or remove it to take the files as they are now."
        ) from error


def set_of_address(url: str, sha256: str = "") -> PublicSet:
    """Return the set of one file at an address that no catalogue has; its terms are the user's to know."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", unquote(urlsplit(url).path).rsplit("/", 1)[-1]).strip("._-")
    return PublicSet(
        name="address",
        title=f"File at {url}",
        page=url,
        licence="not stated",
        citation="not stated",
        files=(RemoteFile(name or "download", url, sha256),),
    )


def _fetched(
    file: RemoteFile, folder: Path, noted: Noted | None, patience: Patience, progress: Progress
) -> Noted | None:
    """Return what is noted of a file that is there now; None if a person has to place it first."""
    target = folder / file.name
    expected = file.sha256 or (noted.sha256 if noted else "")
    if target.is_file():
        return _checked(file, target, expected, noted)
    if not file.url:
        return None
    done = download(
        file.url,
        target,
        sha256=expected,
        file_bytes=file.file_bytes,
        patience=patience,
        progress=lambda done, total: progress(f"Downloading {file.name}", done, total),
    )
    return Noted(file.url, done.file_bytes, done.sha256, _now())


def _checked(file: RemoteFile, target: Path, expected: str, noted: Noted | None) -> Noted:
    found = file_sha256(target)
    if expected not in ("", found):
        raise DatasetError(
            f"{target}: found SHA-256 {found}, expected {expected}. It is another file than the one listed or noted in "
            f"{NOTE}. Remove it to get it again."
        )
    return replace(noted, sha256=found) if noted else Noted(file.url, target.stat().st_size, found, _now())


def _unpack(archive: Path, noted: Noted, progress: Progress) -> None:
    folder = archive.parent / _ENDINGS.sub("", archive.name)
    if stamp_of(folder) == noted.sha256:
        return
    size = max(archive.stat().st_size, 1)  # what comes out is not known yet; it is at least about that
    unpack(
        archive,
        folder,
        stamp=noted.sha256,
        progress=lambda done: progress(f"Unpacking {archive.name}", done, max(done, size)),
    )


def _write_note(public_set: PublicSet, folder: Path, noted: Mapping[str, Noted]) -> None:
    content = {
        "set": public_set.name,
        "title": public_set.title,
        "page": public_set.page,
        "licence": public_set.licence,
        "citation": public_set.citation,
        "files": {name: asdict(entry) for name, entry in noted.items()},
    }
    unfinished = folder / f".{NOTE}.{secrets.token_hex(4)}"
    unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(unfinished, folder / NOTE)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
