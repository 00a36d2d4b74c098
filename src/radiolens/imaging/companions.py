"""Which files of an archive, a folder or an upload only come along with images, such as the viewer of a patient's CD.

Whoever takes in several files at once asks here, so that command line, HTTP interface and work list pass over the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from radiolens.errors import UnreadableImage
from radiolens.imaging.archive import Member
from radiolens.imaging.formats import Format, recognise
from radiolens.imaging.series import looks_like_dicom

__all__ = ["HEAD_BYTES", "NAMES", "head_of", "is_companion", "is_companion_folder", "without_companions"]

HEAD_BYTES = 352  # the header of NIfTI-1 with its mark at 344, the farthest by which an image is recognised
_FILES = frozenset(
    {
        "dicomdir",  # PS3.10 8.6: the index that every DICOM CD has; it holds no image
        "thumbs.db",  # of Windows, as the next two
        "ehthumbs.db",
        "desktop.ini",
    }
)
_FOLDERS = frozenset(
    {
        "__macosx",  # where macOS puts what it knows of the files in a zip
        "$recycle.bin",
        "system volume information",
    }
)
_PROGRAM_FOLDERS = (".app", ".framework", ".lproj", ".nib")  # of programs for macOS, which are folders
_TEXTS = "txt md rtf pdf doc docx htm html css js xml xsl xslt xsd dtd json csv tsv log url chm hlp bval bvec"
_PROGRAMS = (
    "exe dll msi sys ocx drv bat cmd sh so dylib jar class jnlp lnk inf ini cfg config properties manifest plist"
)
_DRESS = "ico icns cur ttf otf woff woff2 strings"  # icons, fonts and words of programs
_ENDINGS = frozenset(f"{_TEXTS} {_PROGRAMS} {_DRESS}".split())
NAMES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "files": sorted(_FILES),
        "folders": sorted(_FOLDERS),
        "programs": _PROGRAM_FOLDERS,
        "endings": sorted(_ENDINGS),
    }
)
"""What is told by name, in lower case, for whoever cannot call `is_companion`: the pages' script."""
_PACKINGS = (Format.ZIP, Format.GZIP)  # a .jar or .docx is a zip archive


def is_companion(name: str, head: Callable[[], bytes]) -> bool:
    """Say whether a file only comes along with images: hidden, of an operating system, or a text or part of a program.

    `name` is its path from where the archive, the folder or the upload begins. `head` gives at least the first
    `HEAD_BYTES` of it and is called only where the name alone does not tell: by its ending, or for lying in a program,
    no DICOM is passed over, and by its ending no other image either.
    """
    *folders, last = re.split(r"[/\\]", name.lower())
    if last in _FILES or _is_hidden(last) or any(map(is_companion_folder, folders)):
        return True
    if any(folder.endswith(_PROGRAM_FOLDERS) for folder in folders) and not looks_like_dicom(head()):
        return True
    _, dot, ending = last.rpartition(".")
    return bool(dot) and ending in _ENDINGS and not _begins_as_image(head())


def is_companion_folder(name: str) -> bool:
    """Say whether all that a folder of this name holds comes along with images, so that it need not be opened."""
    return _is_hidden(name) or name.lower() in _FOLDERS


def head_of(file: Path) -> bytes:
    """Return the beginning of a file, as `is_companion` asks for it; nothing of one that cannot be opened."""
    try:
        with file.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError:
        return b""


def without_companions(members: Sequence[Member]) -> list[Member]:
    """Return those that do not only come along with images; all, if no other is there, so that each is told of."""
    return [member for member in members if not is_companion(member.name, partial(bytes, member.data))] or list(members)


def _is_hidden(part: str) -> bool:
    return part.startswith(".") and bool(part.strip("."))


def _begins_as_image(head: bytes) -> bool:
    try:
        return recognise(head) not in _PACKINGS
    except UnreadableImage:
        return looks_like_dicom(head)  # behind the beginning of another kind of file, which is refused and said
