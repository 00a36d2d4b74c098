"""The structure of an HDF5 file nobody trusts, checked before a number of it is read.

HDF5 can point out of the file (external links, external storage, virtual datasets), load code for its filters, and
declare more numbers than any memory holds. Keras uses none of that, so all of it is refused.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

import h5py
import numpy as np

from radiolens.errors import BundleError

__all__ = ["DECLARED_BYTES", "LONGEST_TEXT", "FilePart", "check_structure", "read_text", "read_texts"]

DECLARED_BYTES = 2_000_000_000
"""Of all numbers in the file, inflated: the largest network that is imported with the two moments of its optimizer."""
_MOST_OBJECTS = 50_000
"""Groups and datasets: a ResNet152 with the moments of its optimizer has 5,000."""
_DEEPEST = 32
LONGEST_TEXT = 16_000_000
"""Bytes of an attribute; the description of an EfficientNetB7 has 0.9 MB."""
_MOST_NAMES = 65_536  # HDF5's own limit on an attribute, 64 KiB, is met by a few thousand
_DEFLATE, _SHUFFLE, _CHECKSUM = 1, 2, 3  # the filters within HDF5 itself that need no library
_LARGEST_DEFLATION = 1100  # zlib shrinks to 1/1032 at best
_LAYOUTS = (h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED)


class FilePart(io.RawIOBase):
    """A stretch of an open file as a file of its own: an uncompressed member of an archive, without unpacking it."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._position = file, start, size, 0

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be sought in."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the part and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any writable buffer; h5py gives a view
        """Read into a buffer and return the number of bytes."""
        left = max(0, self._size - self._position)
        self._file.seek(self._start + self._position)
        data = self._file.read(min(len(buffer), left))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


@dataclass
class _Seen:
    """What was met so far."""

    addresses: set[tuple[int, int]] = field(default_factory=set)
    declared_bytes: int = 0


def check_structure(file: h5py.File) -> None:
    """Raise BundleError for anything in an HDF5 file that Keras does not write; reads no number of it."""
    seen = _Seen()
    for name, item in _walk(file, 0, seen):
        if isinstance(item, h5py.Dataset):
            seen.declared_bytes += _check_dataset(name, item.id)
        if seen.declared_bytes > DECLARED_BYTES:
            raise BundleError(
                f"It declares {seen.declared_bytes / 1e9:.1f} GB of numbers up to {name[:80]!r}; at most "
                f"{DECLARED_BYTES / 1e9:.0f} GB are read. Save it without the optimizer, or use a smaller network."
            )


def _walk(group: h5py.Group, depth: int, seen: _Seen) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    if depth > _DEEPEST:
        raise BundleError(f"It nests groups more than {_DEEPEST} deep, which Keras does not. Save it again.")
    for name in group:
        place = f"{group.name}/{name}".replace("//", "/")
        link = group.id.links.get_info(name.encode("utf-8", "surrogateescape"))
        if link.type != h5py.h5l.TYPE_HARD:
            raise BundleError(
                f"It has the link {place[:80]!r} to another place or file, which Keras does not write. Save it again."
            )
        item = group[name]
        facts = h5py.h5o.get_info(item.id)
        if (facts.fileno, facts.addr) in seen.addresses:
            raise BundleError(f"It holds {place[:80]!r} under two names, which Keras does not write. Save it again.")
        seen.addresses.add((facts.fileno, facts.addr))
        if len(seen.addresses) > _MOST_OBJECTS:
            raise BundleError(f"It has more than {_MOST_OBJECTS} parts. Such networks cannot be imported.")
        if not isinstance(item, h5py.Group | h5py.Dataset):
            raise BundleError(f"It holds the type {place[:80]!r}, which Keras does not write. Save it again.")
        yield place, item
        if isinstance(item, h5py.Group):
            yield from _walk(item, depth + 1, seen)


def _check_dataset(name: str, dataset: h5py.h5d.DatasetID) -> int:
    """Return the bytes that a dataset declares; raise BundleError if they are no numbers that lie in this file."""
    plan = dataset.get_create_plist()
    if plan.get_external_count():
        raise BundleError(f"Its weights {name[:80]!r} lie in another file (external storage). Save it as one file.")
    if plan.get_layout() not in _LAYOUTS:
        raise BundleError(f"Its weights {name[:80]!r} are a virtual dataset of other files. Save it as one file.")
    if dataset.get_type().get_class() not in (h5py.h5t.FLOAT, h5py.h5t.INTEGER) or dataset.get_type().get_size() > 8:
        raise BundleError(f"Its part {name[:80]!r} is no array of numbers, as Keras writes. Save it again.")
    filters = {plan.get_filter(index)[0] for index in range(plan.get_nfilters())}
    if not filters <= {_DEFLATE, _SHUFFLE, _CHECKSUM}:
        raise BundleError(f"Its weights {name[:80]!r} need a filter that HDF5 would load. Save it uncompressed.")
    declared = int(np.prod(dataset.shape or (), dtype=object)) * int(dataset.get_type().get_size())
    stored = dataset.get_storage_size() * (_LARGEST_DEFLATION if _DEFLATE in filters else 1)
    if declared > DECLARED_BYTES or declared > stored:
        raise BundleError(
            f"Its weights {name[:80]!r} declare {declared / 1e9:.3g} GB, of which the file holds at most "
            f"{stored / 1e9:.3g}; {DECLARED_BYTES / 1e9:.0f} GB are the most that is read. It is cut off or made to "
            "exhaust memory: get it again from its source."
        )
    return declared


def read_text(item: h5py.Group, name: str) -> str | None:
    """Return a text attribute, None if there is none; raise BundleError if it is no text or too long."""
    if name not in item.attrs:
        return None
    _check_attribute(item, name)
    value = item.attrs[name]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes | np.bytes_) else value
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise BundleError(f"Its attribute {name} is no text of at most {LONGEST_TEXT / 1e6:.0f} MB. Save it again.")
    return text


def read_texts(item: h5py.Group, name: str) -> list[str]:
    """Return the texts in an attribute, or in the pieces `name0`, `name1`, ... that Keras cuts a long list into."""
    pieces = [name] if name in item.attrs else []
    while name not in pieces and f"{name}{len(pieces)}" in item.attrs:
        pieces.append(f"{name}{len(pieces)}")
    texts: list[str] = []
    for piece in pieces:
        _check_attribute(item, piece)
        values = np.ravel(item.attrs[piece])
        texts += [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]
    return texts


def _check_attribute(item: h5py.Group, name: str) -> None:
    """Raise BundleError for an attribute that is no text, or too large to be read."""
    attribute = h5py.h5a.open(item.id, name.encode())
    kind = attribute.get_type().get_class()
    empty = attribute.get_space().get_simple_extent_type() == h5py.h5s.NULL
    count = 0 if empty else int(np.prod(attribute.shape, dtype=object))
    # An empty list of names is an array of no floats in h5py.
    if (kind != h5py.h5t.STRING and count) or count > _MOST_NAMES or attribute.get_storage_size() > LONGEST_TEXT:
        raise BundleError(f"Its attribute {name} is no text, or longer than Keras writes. Save it again.")
