"""Files made to break a reader: the generator of the hostile corpus, and what each of them must end in.

Nothing of it lies in the repo: every file is made when a test asks for it, the same each time. A case of the corpus
goes through the reader in the sandbox, the web app and the command line (`tests/*/test_hostile*.py`).
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import imagecodecs
import numpy as np
import PIL.Image
from pydicom import uid

from radiolens.quality import ProblemCode
from tests.phantoms import chest_film

__all__ = [
    "CORPUS",
    "Entry",
    "Hostile",
    "deflated_zeros",
    "dicom",
    "film_png",
    "nifti",
    "picture",
    "png",
    "zip_bomb",
    "zipped",
    "zlib_zeros",
]

DAMAGED, TOO_LARGE = ProblemCode.UNREADABLE, ProblemCode.TOO_LARGE
MEGABYTE = 1_000_000
LARGEST_SIDE = 65_535


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


@cache
def grey() -> np.ndarray:
    """Return the pixels (240, 200) that the damaged files are made from."""
    return np.rint(chest_film() * 255).astype(np.uint8)


def picture(kind: str, pixels: np.ndarray | None = None, **options: object) -> bytes:
    """Return an honest picture, by default the film of the phantoms."""
    stream = io.BytesIO()
    PIL.Image.fromarray(grey() if pixels is None else pixels).save(stream, kind, **options)
    return stream.getvalue()


film_png = partial(picture, "PNG")


def deflated_zeros(count: int, unit: int = 1 << 20) -> bytes:
    """Return a raw deflate stream of `count` zeros, a thousandth as long, without compressing each of them."""
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    deflater.compress(b"")
    block = deflater.compress(bytes(unit)) + deflater.flush(zlib.Z_FULL_FLUSH)  # ends on a byte, refers to nothing
    last = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return block * (count // unit) + last.compress(bytes(count % unit)) + last.flush()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zlib_zeros(count: int) -> bytes:
    """Return a zlib stream of `count` zeros; their checksum is known without adding them up."""
    return b"\x78\xda" + deflated_zeros(count) + struct.pack(">HH", count % 65521, 1)


def png(columns: int, rows: int, colour_type: int = 0, idat: bytes = b"", extra: bytes = b"") -> bytes:
    """Return a PNG file of 8 bits a sample with this image data, as zlib has it."""
    head = struct.pack(">IIBBBBB", columns, rows, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


def png_of_169_megapixels() -> bytes:
    """Return half a megabyte that Pillow only warns of."""
    return png(13_000, 13_000, 2, zlib_zeros(13_000 * (3 * 13_000 + 1)))


def png_with(kind: bytes, data: bytes, times: int = 1) -> bytes:
    """Return the honest film with a chunk before its image data."""
    honest = film_png()
    return honest[:33] + chunk(kind, data) * times + honest[33:]


def jpeg_of_size(columns: int, rows: int) -> bytes:
    """Return a JPEG file whose frame header states another size."""
    data = bytearray(picture("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", rows, columns)
    return bytes(data)


def jpeg_of_many_scans(scans: int = 100, side: int = 2000) -> bytes:
    """Return a progressive JPEG file that makes its decoder pass over all coefficients again and again."""
    data = picture("JPEG", np.full((side, side), 90, np.uint8), progressive=True)
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xc4"]
    scan = data[starts[1] : starts[2]]  # tables and data of the second scan: the first of the AC coefficients
    return data[:-2] + scan * scans + data[-2:]


def tiff(entries: Iterable[tuple[int, int, int, int]], following: int = 0, tail: bytes = b"") -> bytes:
    """Return a little endian TIFF file of one directory; an entry is (tag, type, count, value)."""
    packed = [struct.pack("<HHII", *entry) for entry in entries]
    head = b"II*\0" + struct.pack("<I", 8)
    return head + struct.pack("<H", len(packed)) + b"".join(packed) + struct.pack("<I", following) + tail


def _tiff_entries(columns: int, rows: int, strip_bytes: int, strip_at: int = 0) -> list[tuple[int, int, int, int]]:
    return [
        (256, 4, 1, columns),
        (257, 4, 1, rows),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, strip_at),
        (277, 3, 1, 1),
        (278, 4, 1, rows),
        (279, 4, 1, strip_bytes),
    ]


def _tiff_page(following: int, tail: bytes = b"") -> bytes:
    """Return a page of 16 x 16 pixels, 378 bytes, with the directories that follow it behind."""
    place = 8 + 2 + 9 * 12 + 4
    return tiff(_tiff_entries(16, 16, 256, place), following, bytes(range(256)) + tail)


def tiff_of_many_directories(count: int) -> bytes:
    """Return a page and a chain of empty directories behind it, 6 bytes each."""
    start = len(_tiff_page(0))
    chain = np.zeros(count, [("entries", "<u2"), ("following", "<u4")])
    chain["following"] = start + 6 * np.arange(1, count + 1)
    return _tiff_page(start, chain.tobytes())


def tiff_of_many_pages(count: int) -> bytes:
    """Return pages that share one strip, 114 bytes each."""
    first = _tiff_page(len(_tiff_page(0)))
    entries = b"".join(struct.pack("<HHII", *entry) for entry in _tiff_entries(16, 16, 256, 122))
    page = struct.pack("<H", 9) + entries
    places = (len(first) + (number + 1) * (len(page) + 4) for number in range(count - 1))
    chain = b"".join(page + struct.pack("<I", place) for place in places)
    return first + chain[:-4] + bytes(4)


def bmp_of_size(columns: int, rows: int) -> bytes:
    """Return a BMP file whose header states another size."""
    data = bytearray(picture("BMP"))
    data[18:26] = struct.pack("<ii", columns, rows)
    return bytes(data)


def element(group: int, number: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """Return one element of DICOM, explicit little endian; `length` may state another length than the value has."""
    stated = len(value) if length is None else length
    head = struct.pack("<HH", group, number) + vr
    if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT"):
        return head + b"\0\0" + struct.pack("<I", stated) + value
    return head + struct.pack("<H", stated) + value


def _short(group: int, number: int, value: int) -> bytes:
    return element(group, number, b"US", struct.pack("<H", value))


def _even(text: str | bytes, pad: bytes = b" ") -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return data + pad * (len(data) % 2)


def meta(syntax: str, *, group_length: bool = True) -> bytes:
    """Return the file meta information."""
    content = element(2, 2, b"UI", _even(uid.ComputedRadiographyImageStorage, b"\0"))
    content += element(2, 3, b"UI", _even("1.2.3", b"\0")) + element(2, 0x10, b"UI", _even(syntax, b"\0"))
    return (element(2, 0, b"UL", struct.pack("<I", len(content))) if group_length else b"") + content


def header(rows: int = 240, columns: int = 200, early: bytes = b"", late: bytes = b"", frames: str = "") -> bytes:
    """Return the elements of an 8-bit film up to its pixels, with others before or behind those of the image."""
    name = element(8, 0x16, b"UI", _even(uid.ComputedRadiographyImageStorage, b"\0"))
    name += element(8, 0x18, b"UI", _even("1.2.3", b"\0")) + element(8, 0x60, b"CS", b"CR")
    patient = element(0x10, 0x10, b"PN", b"Doe^Jane") + element(0x10, 0x20, b"LO", b"ID4711")
    image = _short(0x28, 2, 1) + element(0x28, 4, b"CS", b"MONOCHROME2 ")
    image += element(0x28, 8, b"IS", _even(frames)) if frames else b""
    image += _short(0x28, 0x10, rows) + _short(0x28, 0x11, columns) + _short(0x28, 0x100, 8)
    image += _short(0x28, 0x101, 8) + _short(0x28, 0x102, 7) + _short(0x28, 0x103, 0)
    return name + early + patient + image + late


def dicom(
    head: bytes | None = None,
    pixels: bytes | None = None,
    syntax: str = uid.ExplicitVRLittleEndian,
    preamble: bytes = b"",
    *,
    group_length: bool = True,
) -> bytes:
    """Return a DICOM file; `pixels` is the PixelData element, by default that of the honest film."""
    body = (header() if head is None else head) + (
        element(0x7FE0, 0x10, b"OW", grey().tobytes()) if pixels is None else pixels
    )
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = deflater.compress(body) + deflater.flush()
    return preamble.ljust(128, b"\0") + b"DICM" + meta(syntax, group_length=group_length) + body


def deflated_dicom_bomb(*, group_length: bool) -> bytes:
    """Return half a megabyte that inflates to 512 MB: a private element of zeros before the image."""
    head = element(8, 0x16, b"UI", _even(uid.ComputedRadiographyImageStorage, b"\0"))
    head += element(9, 0x10, b"LO", b"BOMB") + element(9, 0x1010, b"OB", b"", length=512 * MEGABYTE)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    start = deflater.compress(head) + deflater.flush(zlib.Z_FULL_FLUSH)
    syntax = uid.DeflatedExplicitVRLittleEndian
    return bytes(128) + b"DICM" + meta(syntax, group_length=group_length) + start + deflated_zeros(512 * MEGABYTE)


_ITEM, _ITEM_END, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
_UNDEFINED = b"\xff" * 4


def nested_sequences(depth: int, *, explicit: bool, defined: bool) -> bytes:
    """Return a film with sequences in sequences; 200 of them have 7.5 kB."""
    head = struct.pack("<HH", 8, 0x1140) + (b"SQ\0\0" if explicit else b"")
    openings, endings = [], []
    each = len(head) + 4 + 8  # bytes of one level: element, its length, item and its length
    for level in range(depth):
        inside = (depth - level - 1) * each
        lengths = [struct.pack("<I", inside + 8), struct.pack("<I", inside)] if defined else [_UNDEFINED] * 2
        openings.append(head + lengths[0] + _ITEM + lengths[1])
        endings.append(b"" if defined else _ITEM_END + _SEQUENCE_END)
    nest = b"".join((*openings, *endings))
    if explicit:
        return dicom(header(early=nest))
    syntax = element(2, 0x10, b"UI", _even(uid.ImplicitVRLittleEndian, b"\0"))
    return bytes(128) + b"DICM" + syntax + nest + struct.pack("<HHI", 0x7FE0, 0x10, 4) + bytes(4)


def fragments(*parts: bytes, table: bytes = b"", lengths: tuple[int, ...] = (), end: bool = True) -> bytes:
    """Return encapsulated PixelData; `lengths` are stated in place of the true ones."""
    stated = lengths or tuple(map(len, parts))
    content = b"".join(_ITEM + struct.pack("<I", length) + part for length, part in zip(stated, parts, strict=True))
    content = _ITEM + struct.pack("<I", len(table)) + table + content + (_SEQUENCE_END if end else b"")
    return element(0x7FE0, 0x10, b"OB", content, length=0xFFFFFFFF)


@cache
def jpeg_2000() -> bytes:
    """Return the film as a JPEG 2000 codestream."""
    return _even(bytes(imagecodecs.jpeg2k_encode(grey(), level=0, codecformat="j2k")), b"\0")


def jpeg_2000_of_size(columns: int, rows: int) -> bytes:
    """Return the codestream stating another size, of image and tile."""
    data = bytearray(jpeg_2000())
    at = data.index(b"\xff\x51") + 6
    data[at : at + 8] = struct.pack(">II", columns, rows)
    data[at + 16 : at + 24] = struct.pack(">II", columns, rows)
    return bytes(data)


def compressed(syntax: str, frame: bytes, **options: object) -> bytes:
    """Return the film as a DICOM file of one compressed frame."""
    return dicom(pixels=fragments(frame, **options), syntax=syntax)


def rle_of_lies() -> bytes:
    """Return a run length encoded frame whose segments lie outside of it."""
    return struct.pack("<16I", 15, *(0x7FFFFF00 + number for number in range(15))) + bytes(64)


def dicom_of_many_elements(count: int = 20_000) -> bytes:
    """Return a film with private elements, of which each costs a parser hundreds of bytes."""
    tags = ((group, number) for group in range(9, 0x1000, 2) for number in range(0x1000, 0x1100))
    empty = (struct.pack("<HHI", *tag, 0) for tag, _ in zip(tags, range(count), strict=False))
    syntax = element(2, 0x10, b"UI", _even(uid.ImplicitVRLittleEndian, b"\0"))
    return bytes(128) + b"DICM" + syntax + b"".join(empty)


def dicom_window_of_many_values(count: int = 30_000) -> bytes:
    """Return an implicit film whose window has thirty thousand centres."""
    values = {0x1050: b"1\\" * count, 0x1051: b"2\\" * count}
    numbers = {0x2: 1, 0x10: 240, 0x11: 200, 0x100: 8, 0x101: 8, 0x102: 7, 0x103: 0}
    values |= {number: struct.pack("<H", value) for number, value in numbers.items()} | {0x4: b"MONOCHROME2 "}
    image = b"".join(
        struct.pack("<HHI", 0x28, number, len(values[number])) + values[number] for number in sorted(values)
    )
    syntax = element(2, 0x10, b"UI", _even(uid.ImplicitVRLittleEndian, b"\0"))
    pixels = struct.pack("<HHI", 0x7FE0, 0x10, grey().size) + grey().tobytes()
    return bytes(128) + b"DICM" + syntax + struct.pack("<HHI", 8, 0x60, 2) + b"CR" + image + pixels


def nifti(shape: tuple[int, ...], data: bytes = b"", offset: float = 352, affine: float = 1.0) -> bytes:
    """Return a NIfTI-1 file of uint8 voxels that declares this shape."""
    head = bytearray(352)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into(f"<{1 + len(shape)}h", head, 40, len(shape), *shape)
    struct.pack_into("<hh", head, 70, 2, 8)
    struct.pack_into("<8f", head, 76, 1, *[1.0] * 7)
    struct.pack_into("<f", head, 108, offset)
    struct.pack_into("<hh", head, 252, 0, 1)
    struct.pack_into("<12f", head, 280, affine, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)
    head[344:348] = b"n+1\0"
    return bytes(head) + data


def nifti_2(shape: tuple[int, ...]) -> bytes:
    """Return a NIfTI-2 file, whose dimensions have 64 bits, that declares this shape and holds a few voxels."""
    head = bytearray(544)
    struct.pack_into("<i8s", head, 0, 540, b"n+2\0\r\n\x1a\n")
    struct.pack_into("<hh", head, 12, 2, 8)
    struct.pack_into(f"<{1 + len(shape)}q", head, 16, len(shape), *shape)
    struct.pack_into("<8d", head, 104, 1, *[1.0] * 7)
    struct.pack_into("<q", head, 168, 544)
    return bytes(head) + bytes(1000)


def gzipped_zeros(count: int, beginning: bytes = b"") -> bytes:
    """Return a gzip file of `beginning` and zeros; its tail is wrong, which nobody gets to see."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    start = deflater.compress(beginning) + deflater.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + start + deflated_zeros(count) + bytes(8)


@dataclass(frozen=True)
class Entry:
    """One entry of a zip archive as its directory states it; `at` is the place of its local head, None for its own."""

    name: bytes
    content: bytes = b""
    method: int = 0
    size: int | None = None
    flags: int = 0
    attributes: int = 0
    crc: int | None = None
    at: int | None = None


def zipped(entries: Iterable[Entry]) -> bytes:
    """Return a zip archive of exactly these entries; Python's own writer would refuse or mend the names."""
    body, directory, count = bytearray(), bytearray(), 0
    for entry in entries:
        size = len(entry.content) if entry.size is None else entry.size
        crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
        facts = struct.pack(
            "<HHHHIIIHH", entry.flags, entry.method, 0, 33, crc, len(entry.content), size, len(entry.name), 0
        )
        place = len(body) if entry.at is None else entry.at
        if entry.at is None:
            body += b"PK\3\4" + struct.pack("<H", 20) + facts + entry.name + entry.content
        tail = struct.pack("<HHHII", 0, 0, 0, entry.attributes, place)
        directory += b"PK\1\2" + struct.pack("<HH", 3 << 8 | 20, 20) + facts + tail + entry.name
        count += 1
    end = struct.pack("<HHHHIIH", 0, 0, count % 65536, count % 65536, len(directory), len(body), 0)
    return bytes(body + directory) + b"PK\5\6" + end


def zip_bomb(megabytes: int, members: int = 1) -> bytes:
    """Return an archive whose members inflate to so much in all."""
    count = megabytes * MEGABYTE // members
    content = deflated_zeros(count)
    crc = zlib.crc32(bytes(count)) if members > 1 else 0  # of a single one nobody gets to see it
    return zipped(Entry(b"%d.dcm" % number, content, 8, count, crc=crc) for number in range(members))


def bare_bomb(inflated: int, packed: int) -> bytes:
    """Return raw deflated data of `inflated` bytes that is `packed` bytes long: beyond no bound on the ratio."""
    noise = np.random.default_rng(0).integers(0, 256, packed, np.uint8).tobytes()
    deflater = zlib.compressobj(0, wbits=-zlib.MAX_WBITS)
    return deflater.compress(noise) + deflater.flush(zlib.Z_FULL_FLUSH) + deflated_zeros(inflated - packed)


def zip_bomb_of_plausible_ratio() -> bytes:
    """Return an archive below the bound on the ratio that becomes more than is read."""
    count = 300 * MEGABYTE
    return zipped([Entry(b"a.dcm", bare_bomb(count, 2 * MEGABYTE), 8, count, crc=0)])


def zip_of_overlapping_entries(count: int = 1500) -> bytes:
    """Return an archive whose entries share one kernel (Fifield, A better zip bomb, WOOT 2019): 1.5 GB in 160 kB."""
    kernel = Entry(b"0", deflated_zeros(MEGABYTE), 8, MEGABYTE, crc=zlib.crc32(bytes(MEGABYTE)))
    return zipped([kernel, *[replace(kernel, at=0)] * count])


def zip_in_zip(depth: int = 20) -> bytes:
    """Return an archive in an archive in an archive."""
    data = film_png()
    for _ in range(depth):
        data = zipped([Entry(b"inner.zip", data)])
    return data


def packed(method: int) -> bytes:
    """Return an archive of the honest film, compressed by a method that is not read."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo("film.png"), film_png(), method)
    return stream.getvalue()


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
        "tiff": lambda: tiff(_tiff_entries(side, side, 100)),
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
            uid.JPEGBaseline8Bit, _even(jpeg_of_size(LARGEST_SIDE, LARGEST_SIDE))
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
    yield Hostile("cyclic.tiff", lambda: _tiff_page(8), DAMAGED, "damaged", harmless=cycle)
    huge = [(256, 4, 0xFFFFFFFF, 8), *_tiff_entries(16, 16, 256)[1:]]
    yield Hostile("tag-of-four-billion-values.tiff", lambda: tiff(huge), DAMAGED, "damaged")
    yield Hostile(
        "strip-beyond-the-end.tiff", lambda: tiff(_tiff_entries(90, 80, 7200, 0x7FFFFFFF)), DAMAGED, "damaged"
    )
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
    yield Hostile("overlapping.zip", zip_of_overlapping_entries, TOO_LARGE, "larger|damaged|compressed more", 413)
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
