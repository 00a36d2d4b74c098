"""Files made to break a reader: the generator of the hostile corpus, and what each of them must end in.

Nothing of it lies in the repo: every file is made when a test asks for it, the same each time. A case of the corpus
goes through the reader in the sandbox, the web app and the command line (`tests/*/test_hostile*.py`).
"""

from __future__ import annotations

import gzip
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from pydicom import uid

from radiolens.quality import ProblemCode
from tests.hostile_files import (
    LARGEST_SIDE,
    MEGABYTE,
    Entry,
    bmp_of_size,
    compressed,
    deflated_dicom_bomb,
    dicom,
    dicom_of_many_elements,
    dicom_window_of_many_values,
    element,
    even,
    film_png,
    fragments,
    grey,
    gzipped_zeros,
    header,
    jpeg_2000,
    jpeg_2000_of_size,
    jpeg_of_many_scans,
    jpeg_of_size,
    nested_sequences,
    nifti,
    nifti_2,
    packed,
    picture,
    png,
    png_of_169_megapixels,
    png_with,
    rle_of_lies,
    tiff,
    tiff_entries,
    tiff_of_many_directories,
    tiff_of_many_pages,
    tiff_page,
    zip_bomb,
    zip_bomb_of_plausible_ratio,
    zip_in_zip,
    zip_of_overlapping_entries,
    zipped,
    zlib_zeros,
)

__all__ = ["CORPUS", "Hostile"]

DAMAGED, TOO_LARGE = ProblemCode.UNREADABLE, ProblemCode.TOO_LARGE


@dataclass(frozen=True)
class Hostile:
    """One file: how it is made, its name, and what it must end in.

    `code` and `message` (a regular expression) are of the UnreadableImage; `status` of the HTTP answer. `harmless`
    says why a file may be answered as well: what is wrong with it then does not reach the pixels.
    """

    name: str
    make: Callable[[], bytes]
    code: ProblemCode
    message: str
    status: int = 422
    harmless: str = ""

    @property
    def data(self) -> bytes:
        """Return the bytes of the file."""
        return self.make()


WICKED_NAMES = {
    "parent": b"../../../../tmp/radiolens-escaped",
    "absolute": b"/tmp/radiolens-escaped",
    "drive": b"C:\\Windows\\radiolens-escaped",
    "backslash": b"..\\..\\tmp\\radiolens-escaped",
    "nul": b"film.png\0.exe",
    "dots": b"....//....//tmp/radiolens-escaped",
    "control": b"\x1b[2J\r\nfilm",
    "endless": b"n" * 60_000,
    "empty": b"",
}
_SYMLINK = 0o120777 << 16


def _disguises() -> Iterator[Hostile]:
    for kind, magic in {
        "mz": b"MZ",
        "elf": b"\x7fELF",
        "script": b"#!/bin/sh\n",
        "zip": b"PK\3\4",
        "pdf": b"%PDF-1.7\n",
    }.items():
        yield Hostile(f"preamble-{kind}.dcm", partial(dicom, preamble=magic), DAMAGED, "is not read as DICOM")
    yield Hostile("document.dcm", lambda: b"%PDF-1.7\n%%EOF\n" + bytes(300), DAMAGED, "a PDF document", 415)
    yield Hostile("archive.dcm", lambda: zipped([Entry(b"a.txt", b"no image")]), DAMAGED, "no known image", 415)


def _cut() -> Iterator[Hostile]:
    honest = {
        "png": film_png,
        "jpg": partial(picture, "JPEG"),
        "tiff": partial(picture, "TIFF"),
        "bmp": partial(picture, "BMP"),
        "dcm": dicom,
        "deflated.dcm": partial(dicom, syntax=uid.DeflatedExplicitVRLittleEndian),
        "j2k.dcm": lambda: compressed(uid.JPEG2000Lossless, jpeg_2000()),
        "nii": lambda: nifti((40, 40, 10), bytes(16_000)),
        "nii.gz": lambda: gzip.compress(nifti((40, 40, 10), grey().tobytes()[:16_000]), mtime=0),
        "zip": lambda: zipped([Entry(b"film.png", film_png())]),
    }
    says = "damaged|incomplete|cannot be decoded|no known image|not state|empty|cut"
    for kind, make in honest.items():
        for part, share in {"half": 0.5, "tenth": 0.1}.items():
            yield Hostile(f"{part}.{kind}", partial(_beginning, make, share), DAMAGED, says)
        yield Hostile(f"last-bytes-missing.{kind}", partial(_beginning, make, 0.98), DAMAGED, says)
        yield Hostile(f"empty.{kind}", bytes, DAMAGED, "empty", 415)


def _beginning(make: Callable[[], bytes], share: float) -> bytes:
    data = make()
    return data[: int(len(data) * share)]


def _too_large() -> Iterator[Hostile]:
    side = LARGEST_SIDE
    sizes: dict[str, Callable[[], bytes]] = {
        "png": lambda: png(side, side, idat=zlib_zeros(MEGABYTE)),
        "jpg": lambda: jpeg_of_size(side, side),
        "tiff": lambda: tiff(tiff_entries(side, side, 100)),
        "bmp": lambda: bmp_of_size(side, side),
        "dcm": lambda: dicom(header(side, side)),
        "nii": lambda: nifti_2((side, side, side)),
    }
    for kind, make in sizes.items():
        yield Hostile(f"65535-squared.{kind}", make, TOO_LARGE, "65535|far more|too large", 413)
    yield Hostile("169-megapixels.png", png_of_169_megapixels, TOO_LARGE, "13000 x 13000|far more", 413)
    yield Hostile("int16-cubed.nii", lambda: nifti((32767,) * 3, bytes(1000)), TOO_LARGE, "too large", 413)
    yield Hostile("int64.nii", lambda: nifti_2((1 << 61, 2, 2)), TOO_LARGE, "too large", 413)
    yield Hostile(
        "gzip-bomb.nii.gz", lambda: gzipped_zeros(512 * MEGABYTE, nifti((9, 9, 9))), TOO_LARGE, "larger than", 413
    )
    for known in (True, False):
        make = partial(deflated_dicom_bomb, group_length=known)
        yield Hostile(
            f"512-MB-deflated-{'with' if known else 'without'}-group-length.dcm", make, TOO_LARGE, "larger than", 413
        )
    frames = partial(dicom, header(frames="2147483647"))
    yield Hostile("two-billion-frames.dcm", frames, TOO_LARGE, "at most 4000 frames", 413)
    yield Hostile("5000-pages.tiff", partial(tiff_of_many_pages, 5000), TOO_LARGE, "more than 4000 pages", 413)


def _dicom_lies() -> Iterator[Hostile]:
    for explicit in (True, False):
        for defined in (True, False):
            kinds = "explicit" if explicit else "implicit", "defined" if defined else "undefined"
            for depth in (200, 20_000):
                make = partial(nested_sequences, depth, explicit=explicit, defined=defined)
                yield Hostile(f"{depth}-nested-{'-'.join(kinds)}.dcm", make, DAMAGED, "nested|damaged")
    nan = element(0x28, 0x1050, b"DS", b"NaN ") + element(0x28, 0x1051, b"DS", b"NaN ")
    yield Hostile("nan-window.dcm", partial(dicom, header(late=nan)), DAMAGED, "WindowCenter .* not a usable number")
    infinite = element(0x28, 0x1052, b"DS", b"1e999 ") + element(0x28, 0x1053, b"DS", b"1 ")
    yield Hostile("infinite-rescale.dcm", partial(dicom, header(late=infinite)), DAMAGED, "not a usable number")
    yield Hostile(
        "one-pixel.dcm", lambda: dicom(header(1, 1), element(0x7FE0, 0x10, b"OW", b"\1\0")), DAMAGED, "too small"
    )
    yield Hostile("no-pixels.dcm", lambda: dicom(pixels=b""), DAMAGED, "holds no image")
    yield Hostile("4000-frames-of-one.dcm", lambda: dicom(header(frames="4000")), DAMAGED, "incomplete")
    long = element(9, 0x10, b"OB", b"", length=0xFFFFFFF0)
    yield Hostile("element-of-4-GB.dcm", lambda: dicom(header(early=long)), DAMAGED, "damaged|holds no image")
    endless = element(9, 0x10, b"OB", b"", length=0xFFFFFFFF)
    yield Hostile("element-without-end.dcm", lambda: dicom(header(early=endless)), DAMAGED, "damaged|holds no image")
    yield Hostile("20000-elements.dcm", dicom_of_many_elements, DAMAGED, "holds no image|memory")
    why = "the first centre and width are usable numbers"
    yield Hostile("window-of-30000-values.dcm", dicom_window_of_many_values, TOO_LARGE, "memory|longer", 413, why)
    film = partial(dicom, syntax=uid.MPEG2MPML)
    yield Hostile("video.dcm", film, ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX, "MPEG2")


def _lying_codestreams() -> Iterator[Hostile]:
    says = "damaged|cannot be decoded|incomplete|decoder fail|holds no image"
    lossless = uid.JPEG2000Lossless
    cases: dict[str, Callable[[], bytes]] = {
        "j2k-of-65535-squared": lambda: compressed(lossless, jpeg_2000_of_size(LARGEST_SIDE, LARGEST_SIDE)),
        "j2k-of-another-size": lambda: compressed(lossless, jpeg_2000_of_size(201, 241)),
        "j2k-of-no-size": lambda: compressed(lossless, jpeg_2000_of_size(0, 0)),
        "j2k-of-zeros": lambda: compressed(lossless, bytes(5000)),
        "fragment-of-4-GB": lambda: compressed(lossless, jpeg_2000(), lengths=(0xFFFFFFF0,)),
        "fragment-of-nothing": lambda: compressed(lossless, b""),
        "fragment-beyond-the-end": lambda: compressed(lossless, jpeg_2000(), lengths=(len(jpeg_2000()) + 1000,)),
        "no-fragments": lambda: dicom(pixels=fragments(), syntax=lossless),
        "offset-table-beyond-the-end": lambda: compressed(
            lossless, jpeg_2000(), table=struct.pack("<I", 0x7FFFFFFE) * 2
        ),
        "jpeg-of-65535-squared": lambda: compressed(
            uid.JPEGBaseline8Bit, even(jpeg_of_size(LARGEST_SIDE, LARGEST_SIDE))
        ),
        "rle-of-lies": lambda: compressed(uid.RLELossless, rle_of_lies()),
    }
    why = "pydicom needs no offset table for one frame, nor the end of the sequence; the frame is whole"
    for name, make in cases.items():
        yield Hostile(
            f"{name}.dcm", make, DAMAGED, says, harmless=why if "offset" in name or "fragment" in name else ""
        )


def _pictures() -> Iterator[Hostile]:
    text = b"Comment\0\0" + zlib_zeros(200 * MEGABYTE)
    why = "only the remark beside the picture is hostile, and it is not needed"
    yield Hostile("text-bomb.png", partial(png_with, b"zTXt", text, 3), DAMAGED, "damaged", harmless=why)
    yield Hostile("profile-bomb.png", partial(png_with, b"iCCP", text, 3), DAMAGED, "damaged", harmless=why)
    yield Hostile(
        "long-profile.png", partial(png_with, b"iCCP", b"p\0\0" + zlib_zeros(900_000)), DAMAGED, "damaged", harmless=why
    )
    more = "the picture is complete; what follows in its stream is not inflated"
    yield Hostile(
        "idat-bomb.png", lambda: png(90, 80, idat=zlib_zeros(200 * MEGABYTE)), DAMAGED, "damaged", harmless=more
    )
    yield Hostile("one-pixel.png", lambda: film_png(grey()[:1, :1]), DAMAGED, "too small")
    yield Hostile("one-pixel.jpg", lambda: picture("JPEG", grey()[:1, :1]), DAMAGED, "too small")
    scans = "each scan is allowed; it is the decoder's time that is bounded"
    yield Hostile("100-scans.jpg", jpeg_of_many_scans, TOO_LARGE, "longer than", 413, scans)
    yield Hostile("a-million-directories.tiff", partial(tiff_of_many_directories, 1_000_000), DAMAGED, "damaged")
    cycle = "the pages before the cycle are whole"
    yield Hostile("cyclic.tiff", lambda: tiff_page(8), DAMAGED, "damaged", harmless=cycle)
    huge = [(256, 4, 0xFFFFFFFF, 8), *tiff_entries(16, 16, 256)[1:]]
    yield Hostile("tag-of-four-billion-values.tiff", lambda: tiff(huge), DAMAGED, "damaged")
    yield Hostile("strip-beyond-the-end.tiff", lambda: tiff(tiff_entries(90, 80, 7200, 0x7FFFFFFF)), DAMAGED, "damaged")
    yield Hostile("one-voxel.nii", lambda: nifti((1, 1, 1), b"\1"), DAMAGED, "too small")
    yield Hostile("negative-sides.nii", lambda: nifti((-5, -5, -5), bytes(200)), DAMAGED, "damaged|shape")
    yield Hostile("voxels-at-nan.nii", lambda: nifti((9, 9, 9), bytes(800), float("nan")), DAMAGED, "damaged")
    yield Hostile("voxels-at-1e30.nii", lambda: nifti((9, 9, 9), bytes(800), 1e30), DAMAGED, "damaged")
    patient = "the patient lay|damaged"
    yield Hostile("nan-affine.nii", lambda: nifti((9, 9, 9), bytes(800), affine=float("nan")), DAMAGED, patient)
    yield Hostile(
        "gzip-in-gzip.nii.gz", lambda: gzip.compress(gzip.compress(film_png(), mtime=0), mtime=0), DAMAGED, "archive"
    )


def _archives() -> Iterator[Hostile]:
    yield Hostile("bomb.zip", partial(zip_bomb, 512), TOO_LARGE, "compressed more|larger", 413)
    yield Hostile("bomb-of-many-members.zip", partial(zip_bomb, 1500, 1500), TOO_LARGE, "compressed more|larger", 413)
    yield Hostile("plausible-bomb.zip", zip_bomb_of_plausible_ratio, TOO_LARGE, "larger than", 413)
    yield Hostile("overlapping.zip", zip_of_overlapping_entries, DAMAGED, "damaged")
    yield Hostile("nested.zip", zip_in_zip, DAMAGED, "zip archive where an image was expected")
    for kind, name in WICKED_NAMES.items():
        yield Hostile(f"name-{kind}.zip", partial(zipped, [Entry(name, b"no image")]), DAMAGED, "no known image", 415)
    link = Entry(b"link.dcm", b"/etc/passwd", attributes=_SYMLINK)
    yield Hostile("symlink.zip", partial(zipped, [link]), DAMAGED, "no known image", 415)
    secret = Entry(b"film.png", bytes(500), flags=1)
    yield Hostile("encrypted.zip", partial(zipped, [secret]), DAMAGED, "is encrypted")
    strong = Entry(b"film.png", bytes(500), flags=0x2041)
    yield Hostile("strongly-encrypted.zip", partial(zipped, [strong]), DAMAGED, "is encrypted")
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield Hostile(f"method-{method}.zip", partial(packed, method), DAMAGED, "only deflate is read")
    many = (Entry(b"%d" % number) for number in range(3000))
    yield Hostile("3000-members.zip", partial(zipped, tuple(many)), TOO_LARGE, "3000 members", 413)
    yield Hostile("no-members.zip", partial(zipped, ()), DAMAGED, "holds no file")
    yield Hostile("only-folders.zip", partial(zipped, [Entry(b"a/"), Entry(b"b/c/")]), DAMAGED, "holds no file")
    lie = Entry(b"film.png", film_png(), size=10)
    yield Hostile(
        "member-longer-than-stated.zip", partial(zipped, [lie]), DAMAGED, "damaged|no known", harmless="it is cut"
    )


CORPUS: tuple[Hostile, ...] = (
    *_disguises(),
    *_cut(),
    *_too_large(),
    *_dicom_lies(),
    *_lying_codestreams(),
    *_pictures(),
    *_archives(),
)
"""Every file, in no particular order."""
