"""Public image sets that can be acquired: read from catalogue.toml, or from a site's own file of the same form."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from radiolens.errors import DatasetError

__all__ = ["PublicSet", "RemoteFile", "known_sets", "named_set", "read_catalogue"]

_FILE_NAME = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(?<!\.)", re.ASCII
)  # one part, and none that Windows reads otherwise
_SET_NAME = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class RemoteFile:
    """A file of a set. Without `url` it is placed by hand; without `sha256` the first download states it."""

    name: str
    url: str = ""
    sha256: str = ""
    file_bytes: int | None = None

    def __post_init__(self) -> None:
        if not _FILE_NAME.fullmatch(self.name):
            raise DatasetError(f"found the file name {self.name!r}, expected letters, digits, dots and dashes.")
        if self.url and not re.match(r"https?://", self.url):
            raise DatasetError(f"{self.name}: found the address {self.url!r}, expected one with https:// or http://.")
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise DatasetError(f"{self.name}: found the SHA-256 {self.sha256!r}, expected 64 digits 0-9 and a-f.")


@dataclass(frozen=True)
class PublicSet:
    """A set with its source page, terms and files; `instructions` say what a person must do for files without `url`."""

    name: str
    title: str
    page: str
    licence: str
    citation: str
    files: tuple[RemoteFile, ...]
    tasks: tuple[str, ...] = ()
    instructions: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if not _SET_NAME.fullmatch(self.name):
            raise DatasetError(f"found the name {self.name!r}, expected small letters, digits and dashes.")
        names = [file.name for file in self.files]
        if not names or len(set(names)) < len(names):
            raise DatasetError(f"{self.name}: found the files {names}, expected one or more, each once.")
        if self.manual and not self.instructions:
            raise DatasetError(f"{self.name}: {self.manual[0].name} has no url, so instructions are needed.")

    @property
    def manual(self) -> tuple[RemoteFile, ...]:
        """Return the files that a person has to place."""
        return tuple(file for file in self.files if not file.url)


def known_sets() -> tuple[PublicSet, ...]:
    """Return the sets that come with radiolens."""
    text = resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8")
    return _parsed("catalogue.toml", text)


def read_catalogue(file: Path) -> tuple[PublicSet, ...]:
    """Return the sets of a site's own catalogue; raise DatasetError with what is wrong in it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{file}: it cannot be read as a text in UTF-8 ({error}).") from error
    return _parsed(str(file), text)


def named_set(name: str, sets: Sequence[PublicSet]) -> PublicSet:
    """Return the set of this name; raise DatasetError that lists the known ones."""
    for public_set in sets:
        if public_set.name == name:
            return public_set
    raise DatasetError(f"there is no set {name!r}. Known are {', '.join(entry.name for entry in sets)}.")


def _parsed(place: str, text: str) -> tuple[PublicSet, ...]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DatasetError(f"{place}: it is not TOML ({error}).") from error
    entries = content.get("set")
    if not isinstance(entries, list) or not entries or content.keys() != {"set"}:
        raise DatasetError(f"{place}: found {', '.join(content) or 'nothing'}, expected one or more tables [[set]].")
    sets = tuple(_set(f"{place}, set {number}", entry) for number, entry in enumerate(entries, 1))
    names = [public_set.name for public_set in sets]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        raise DatasetError(f"{place}: the set {doubled!r} stands twice.")
    return sets


def _set(place: str, entry: Mapping[str, Any]) -> PublicSet:
    values = dict(entry)
    files = values.pop("file", [])
    if not isinstance(files, list):
        raise DatasetError(f"{place}: expected its files as tables [[set.file]].")
    try:
        made = tuple(RemoteFile(**_checked(RemoteFile, file)) for file in files)
        return PublicSet(files=made, **_checked(PublicSet, values))
    except DatasetError as error:
        raise DatasetError(f"{place}: {error}") from error


_KINDS: Mapping[str, type] = {"str": str, "int | None": int, "tuple[str, ...]": list}


def _checked(kind: type[PublicSet | RemoteFile], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a table, each of the kind that the field is declared as."""
    known = {field.name: field for field in fields(kind) if field.name != "files"}
    unknown = sorted(values.keys() - known.keys())
    missing = [name for name in _needed(kind) if name not in values]
    if unknown or missing:
        told = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"missing {', '.join(missing)}"] * bool(missing)
        raise DatasetError(f"{' and '.join(told)}; known are {', '.join(known)}.")
    for name, value in values.items():
        declared = str(known[name].type)
        texts = not isinstance(value, list) or all(isinstance(text, str) for text in value)
        if not isinstance(value, _KINDS[declared]) or not texts:
            raise DatasetError(f"{name}: found {value!r}, expected {declared.removesuffix(' | None')}.")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _needed(kind: type[PublicSet | RemoteFile]) -> tuple[str, ...]:
    return ("name",) if kind is RemoteFile else ("name", "title", "page", "licence", "citation")
