"""Makes files that break readers, byte by byte: what no library would write.

`hostile_corpus.py` says which of them there are and what each must end in.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial

import imagecodecs
import numpy as np
import PIL.Image
from pydicom import uid

from tests.phantoms import chest_film

MEGABYTE = 1_000_000
LARGEST_SIDE = 65_535


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


def tiff_entries(columns: int, rows: int, strip_bytes: int, strip_at: int = 0) -> list[tuple[int, int, int, int]]:
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


def tiff_page(following: int, tail: bytes = b"") -> bytes:
    """Return a page of 16 x 16 pixels, 378 bytes, with the directories that follow it behind."""
    place = 8 + 2 + 9 * 12 + 4
    return tiff(tiff_entries(16, 16, 256, place), following, bytes(range(256)) + tail)


def tiff_of_many_directories(count: int) -> bytes:
    """Return a page and a chain of empty directories behind it, 6 bytes each."""
    start = len(tiff_page(0))
    chain = np.zeros(count, [("entries", "<u2"), ("following", "<u4")])
    chain["following"] = start + 6 * np.arange(1, count + 1)
    return tiff_page(start, chain.tobytes())


def tiff_of_many_pages(count: int) -> bytes:
    """Return pages that share one strip, 114 bytes each."""
    first = tiff_page(len(tiff_page(0)))
    entries = b"".join(struct.pack("<HHII", *entry) for entry in tiff_entries(16, 16, 256, 122))
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


def even(text: str | bytes, pad: bytes = b" ") -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return data + pad * (len(data) % 2)


def meta(syntax: str, *, group_length: bool = True) -> bytes:
    """Return the file meta information."""
    content = element(2, 2, b"UI", even(uid.ComputedRadiographyImageStorage, b"\0"))
    content += element(2, 3, b"UI", even("1.2.3", b"\0")) + element(2, 0x10, b"UI", even(syntax, b"\0"))
    return (element(2, 0, b"UL", struct.pack("<I", len(content))) if group_length else b"") + content


def header(rows: int = 240, columns: int = 200, early: bytes = b"", late: bytes = b"", frames: str = "") -> bytes:
    """Return the elements of an 8-bit film up to its pixels, with others before or behind those of the image."""
    name = element(8, 0x16, b"UI", even(uid.ComputedRadiographyImageStorage, b"\0"))
    name += element(8, 0x18, b"UI", even("1.2.3", b"\0")) + element(8, 0x60, b"CS", b"CR")
    patient = element(0x10, 0x10, b"PN", b"Doe^Jane") + element(0x10, 0x20, b"LO", b"ID4711")
    image = _short(0x28, 2, 1) + element(0x28, 4, b"CS", b"MONOCHROME2 ")
    image += element(0x28, 8, b"IS", even(frames)) if frames else b""
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
    head = element(8, 0x16, b"UI", even(uid.ComputedRadiographyImageStorage, b"\0"))
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
    syntax = element(2, 0x10, b"UI", even(uid.ImplicitVRLittleEndian, b"\0"))
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
    return even(bytes(imagecodecs.jpeg2k_encode(grey(), level=0, codecformat="j2k")), b"\0")


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
    syntax = element(2, 0x10, b"UI", even(uid.ImplicitVRLittleEndian, b"\0"))
    return bytes(128) + b"DICM" + syntax + b"".join(empty)


def dicom_window_of_many_values(count: int = 30_000) -> bytes:
    """Return an implicit film whose window has thirty thousand centres."""
    values = {0x1050: b"1\\" * count, 0x1051: b"2\\" * count}
    numbers = {0x2: 1, 0x10: 240, 0x11: 200, 0x100: 8, 0x101: 8, 0x102: 7, 0x103: 0}
    values |= {number: struct.pack("<H", value) for number, value in numbers.items()} | {0x4: b"MONOCHROME2 "}
    image = b"".join(
        struct.pack("<HHI", 0x28, number, len(values[number])) + values[number] for number in sorted(values)
    )
    syntax = element(2, 0x10, b"UI", even(uid.ImplicitVRLittleEndian, b"\0"))
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
