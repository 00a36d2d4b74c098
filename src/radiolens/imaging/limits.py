"""The bounds within which an untrusted file is read; every bound is checked before memory is taken for it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MIB", "Limits"]

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one input may cost.

    `file_bytes`: a 250-frame CT of 512 x 512 uncompressed is 125 MiB. `pixels` is of one frame: the largest
    mammography films have 30 million, and one frame as float32 with a working copy must fit the address space.
    `nesting`: real DICOM sequences go 5 to 8 deep. `inflated_bytes` bounds what compressed data may become.
    `address_space_bytes` counts the libraries, too. `cpu_seconds` and `wall_seconds` are for a weak laptop.
    """

    file_bytes: int = 256 * MIB
    pixels: int = 40_000_000
    frames: int = 4000
    nesting: int = 32
    inflated_bytes: int = 256 * MIB
    archive_members: int = 2000
    address_space_bytes: int = 600 * MIB
    cpu_seconds: int = 20
    wall_seconds: float = 30.0
