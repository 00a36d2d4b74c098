"""The bounds within which an untrusted file is read; every bound is checked before memory is taken for it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MIB", "Limits"]

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one input (a file, or all files of one series) may cost."""

    file_bytes: int = 256 * MIB
    """All its files together: 250 CT slices of 512 x 512, uncompressed, are 125 MiB."""
    pixels: int = 40_000_000
    """Of one frame: the largest mammography films have 30 million, and float32 with a copy fits the address space."""
    frames: int = 4000
    """Frames or slices: the longest perfusion and cine series have about 2,000."""
    nesting: int = 32
    """Sequences within sequences: real DICOM goes 5 to 8 deep, and Python's parser about 100."""
    inflated_bytes: int = 256 * MIB
    """What compressed data may become, an archive with its files, and what the child may answer: `EVERY` of 250 slices
    as float32 is 250 MiB."""
    archive_members: int = 2000
    """Files in a zip: several series of one examination."""
    address_space_bytes: int = 600_000_000
    """Of the child, libraries (about 180 MB) included; it, a smaller one and the server stay below 1.2 GB."""
    cpu_seconds: int = 20
    """Whole seconds, as the kernel counts them: ten times what the slowest real film (JPEG 2000) takes on a laptop."""
    wall_seconds: float = 30.0
    """Longer than the CPU time, for a machine that does other things, too."""
