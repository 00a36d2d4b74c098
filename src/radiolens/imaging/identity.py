"""Which of many DICOM files belong to one series and one patient, without telling which series or patient that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from radiolens.errors import UnreadableImage
from radiolens.imaging.limits import Limits
from radiolens.imaging.sandbox import readers_sandbox
from radiolens.imaging.series import looks_like_dicom

__all__ = ["NOBODY", "Identity", "identities"]

_BATCH_FILES, _BATCH_BYTES = 64, 24_000_000
"""What one child reads: starting it takes longer than a header, and so much fits into a small one."""


@dataclass(frozen=True)
class Identity:
    """Keyed hashes (64 hexadecimal digits) of what a file says of series and patient; None where it is silent."""

    series: str | None = None
    patient: str | None = None


NOBODY = Identity()
"""Of a file that is no DICOM file, or cannot be read."""


def identities(files: Sequence[bytes], salt: bytes, limits: Limits = Limits()) -> tuple[Identity, ...]:
    """Return the identity of each file, read in the sandbox. Who forgets the salt can link them to nobody any more."""
    found = [NOBODY] * len(files)
    dicom = [number for number, data in enumerate(files) if looks_like_dicom(data[:256])]
    for batch in _batches(files, dicom):
        for number, identity in zip(batch, _read([files[number] for number in batch], salt, limits), strict=True):
            found[number] = identity
    return tuple(found)


def _batches(files: Sequence[bytes], numbers: Sequence[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    size = 0
    for number in numbers:
        if batch and (len(batch) == _BATCH_FILES or size + len(files[number]) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(number)
        size += len(files[number])
    if batch:
        yield batch


def _read(files: Sequence[bytes], salt: bytes, limits: Limits) -> list[Identity]:
    """Read files together, and singly if one of them ends the child."""
    arguments: dict[str, Any] = {"limits": asdict(limits), "salt": salt.hex()}
    try:
        payload = readers_sandbox().run("radiolens.imaging.confined:read_identities", files, arguments, limits)
        return [Identity(entry["series"], entry["patient"]) for entry in payload.facts["identities"]]
    except (UnreadableImage, KeyError, TypeError):
        return [NOBODY] if len(files) == 1 else [entry for data in files for entry in _read([data], salt, limits)]
