"""What an error of the file system means to whoever gave the paths, and what to do."""

from __future__ import annotations

import errno

__all__ = ["told"]

_FULL = ("the disk is full", "Make room, then call the command again.")
_FORBIDDEN = ("this user may not read or write here", "Permit it, or choose another place.")
_NO_FOLDER = ("a file stands where a folder is needed", "Choose another place, or move the file away.")
_MEANINGS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: ("nothing can be written here", "Choose another place."),
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOTDIR: _NO_FOLDER,
    errno.EEXIST: _NO_FOLDER,
    errno.EISDIR: ("a folder stands where a file is needed", "Choose another place, or move the folder away."),
    errno.ENAMETOOLONG: ("the name is longer than a file's may be", "Choose a shorter one."),
}


def told(error: OSError) -> str | None:
    """Return the place, what was found there and what to do; None for what no choice of a place explains."""
    meaning = _MEANINGS.get(error.errno or 0)
    if meaning is None or (error.filename is None and meaning is not _FULL):
        return None
    found, advice = meaning
    # A write that finds the disk full does not know its file.
    place = "" if error.filename is None else f"{error.filename}: "
    return f"{place}{found}. {advice}"
