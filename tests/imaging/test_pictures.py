"""JPEG, PNG, TIFF and BMP pictures, recognised by their content."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from numpy.typing import NDArray

from radiolens.errors import UnreadableImage
from radiolens.image import Unit
from radiolens.imaging.formats import Format, recognise
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import EVERY
from radiolens.quality import ProblemCode
from tests.phantoms import chest_film, head_slice

FILM = np.rint(chest_film(60, 50) * 255).astype(np.uint8)
DEEP = np.rint(chest_film(60, 50) * 65535).astype(np.uint16)
COLOUR = np.stack([FILM, FILM[::-1], FILM[:, ::-1]], axis=-1)
LUMA = np.asarray(PIL.Image.fromarray(COLOUR).convert("L")) / np.float32(255)


def saved(picture: PIL.Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:  # noqa: ANN401  Pillow's options
    stream = io.BytesIO()
    picture = picture if isinstance(picture, PIL.Image.Image) else PIL.Image.fromarray(picture)
    picture.save(stream, kind, **options)
    return stream.getvalue()


def shown(content: bytes) -> NDArray[np.float32]:
    return decode([content], EVERY).pixels


@pytest.mark.parametrize(
    "content",
    [
        saved(FILM, "PNG"),
        saved(FILM, "BMP"),
        saved(FILM, "TIFF"),
        saved(FILM, "TIFF", compression="tiff_lzw"),
        saved(FILM, "TIFF", compression="tiff_adobe_deflate"),
        saved(FILM, "TIFF", compression="packbits"),
        saved(FILM, "TIFF", big_tiff=True),
        saved(PIL.Image.fromarray(FILM).convert("RGB"), "PNG"),
        saved(PIL.Image.fromarray(FILM).convert("RGBA"), "PNG"),
        saved(PIL.Image.fromarray(FILM).convert("LA"), "PNG"),
        saved(PIL.Image.fromarray(FILM).convert("P"), "PNG"),
    ],
)
def test_a_lossless_grey_picture_keeps_every_level(content: bytes) -> None:
    image = decode([content])
    assert (image.unit, image.source.colour_fraction, image.source.warnings) == (Unit.UNIT_INTERVAL, 0, ())
    np.testing.assert_array_equal(image.pixels[0], FILM / np.float32(255))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_near_its_original(progressive: bool) -> None:
    found = shown(saved(FILM, "JPEG", quality=95, progressive=progressive))[0]
    np.testing.assert_allclose(found, FILM / 255, atol=12 / 255)  # measured: 9 levels at this quality


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_read_in_full(kind: str) -> None:
    np.testing.assert_allclose(shown(saved(DEEP, kind))[0], DEEP / 65535, atol=1e-7)


def plain_tiff(pixels: NDArray[Any], order: str, photometric: int) -> bytes:
    """Return an uncompressed TIFF file of grey levels (rows, columns), or of colours apart (3, rows, columns).

    `photometric` is 0 where the least value is white, 1 where it is black, 2 for colours.
    """
    planes = pixels[np.newaxis] if pixels.ndim == 2 else pixels
    count, rows, columns = planes.shape
    offsets, sizes = [8 + plane * planes[0].nbytes for plane in range(count)], [planes[0].nbytes] * count
    tags: list[tuple[int, str, list[int]]] = [(256, "I", [columns]), (257, "I", [rows])]
    tags += [(258, "H", [8 * pixels.itemsize] * count), (259, "H", [1]), (262, "H", [photometric])]
    tags += [(273, "I", offsets), (277, "H", [count]), (278, "I", [rows]), (279, "I", sizes)]
    tags += [(284, "H", [1 if pixels.ndim == 2 else 2]), (339, "H", [3 if pixels.dtype.kind == "f" else 1] * count)]
    content = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 0)
    content += planes.astype(pixels.dtype.newbyteorder(order)).tobytes()
    entries = []
    for tag, kind, values in tags:
        value = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(value) > 4:  # it stands elsewhere then
            value, content = struct.pack(f"{order}I", len(content)), content + value
        entries.append(struct.pack(f"{order}HHI", tag, {"H": 3, "I": 4}[kind], len(values)) + value.ljust(4, b"\0"))
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    return content[:4] + struct.pack(f"{order}I", len(content)) + content[8:] + directory


def test_a_big_endian_tiff_is_read() -> None:
    np.testing.assert_allclose(shown(plain_tiff(DEEP, ">", 1))[0], DEEP / 65535, atol=1e-7)


def test_numbers_of_32_bits_without_a_sign_are_read_as_such() -> None:
    pixels = DEEP.astype(np.uint32) * 65536
    found = shown(plain_tiff(pixels, "<", 1))[0]
    np.testing.assert_allclose(found, (pixels - float(pixels.min())) / np.ptp(pixels.astype(float)), atol=1e-6)


def test_a_kind_of_tiff_that_is_not_read_is_not_called_damaged_only() -> None:
    with pytest.raises(UnreadableImage, match=r"of a kind that is not read\. Export it again, as PNG of 8 or 16 bits"):
        shown(plain_tiff(DEEP, ">", 0))


def test_planes_apart_are_refused_where_pillow_would_show_them_as_noise_or_inverted() -> None:
    planes = np.moveaxis(COLOUR, -1, 0)
    np.testing.assert_array_equal(shown(plain_tiff(planes, "<", 2))[0], LUMA)
    np.testing.assert_array_equal(shown(plain_tiff(FILM[np.newaxis], "<", 1))[0], FILM / np.float32(255))
    for content in (plain_tiff(planes.astype(np.uint16) * 257, "<", 2), plain_tiff(FILM[np.newaxis], "<", 0)):
        with pytest.raises(UnreadableImage, match="stores its planes apart in a way that is not read"):
            shown(content)


def test_colour_becomes_luma_and_is_told() -> None:
    for content in (saved(COLOUR, "PNG"), saved(COLOUR, "TIFF"), saved(COLOUR, "BMP")):
        image = decode([content])
        np.testing.assert_array_equal(image.pixels[0], LUMA)
        assert image.source.colour_fraction > 0.05


def test_a_jpeg_of_printing_inks_is_read() -> None:
    inks = PIL.Image.fromarray(COLOUR).convert("CMYK")
    np.testing.assert_allclose(shown(saved(inks, "JPEG", quality=95))[0], LUMA, atol=20 / 255)


def test_a_palette_is_looked_up() -> None:
    indexed = PIL.Image.fromarray(COLOUR).quantize(32)
    expected = np.asarray(indexed.convert("RGB").convert("L")) / np.float32(255)
    np.testing.assert_array_equal(shown(saved(indexed, "PNG"))[0], expected)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_is_black(mode: str) -> None:
    picture = PIL.Image.new("L", (50, 60), 200).convert(mode)
    picture.putalpha(PIL.Image.fromarray(np.repeat([0, 255], 30).astype(np.uint8)[:, np.newaxis].repeat(50, 1)))
    found = shown(saved(picture, "PNG"))[0]
    assert found[:30].max() == 0
    np.testing.assert_array_equal(found[30:], np.float32(200 / 255))


def test_a_transparent_entry_of_a_palette_is_black() -> None:
    indexed = PIL.Image.fromarray(FILM).quantize(4)
    found = shown(saved(indexed, "PNG", transparency=2))[0]
    assert found[np.asarray(indexed) == 2].max() == 0


def test_one_bit_is_black_and_white() -> None:
    line_art = PIL.Image.fromarray(FILM).convert("1")
    for content in (saved(line_art, "PNG"), saved(line_art, "TIFF", compression="group4")):
        np.testing.assert_array_equal(shown(content)[0], np.asarray(line_art, np.float32))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_the_picture_is_turned_as_its_camera_says(orientation: int, kind: str) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    turned = saved(FILM, kind, exif=exif)
    turns = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.T,
        6: lambda p: np.rot90(p, -1),
        7: lambda p: p[::-1, ::-1].T,
        8: lambda p: np.rot90(p),
    }
    np.testing.assert_array_equal(shown(turned)[0], turns[orientation](shown(saved(FILM, kind))[0]))


@pytest.mark.parametrize("pixels", [DEEP.astype(np.float32) - 3000, DEEP.astype(np.int32) * 70])
def test_values_without_a_full_scale_are_stretched(pixels: NDArray[Any]) -> None:
    found = shown(saved(pixels, "TIFF"))[0]
    expected = (pixels - float(pixels.min())) / np.ptp(pixels.astype(float))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_ct_slice_in_hounsfield_units_is_known_by_its_air() -> None:
    pixels = head_slice()
    image = decode([saved(pixels.astype(np.float32), "TIFF")])
    assert image.unit is Unit.HOUNSFIELD
    np.testing.assert_array_equal(image.pixels[0], pixels)


@pytest.mark.parametrize("film", [FILM, DEEP, chest_film(60, 50)])
def test_a_tiff_whose_least_value_is_white_is_inverted(film: NDArray[Any]) -> None:
    whitest = 1 if film.dtype.kind == "f" else np.iinfo(film.dtype).max
    found, expected = (shown(plain_tiff(pixels, "<", white)) for pixels, white in ((whitest - film, 0), (film, 1)))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_numbers_from_0_to_1_are_taken_as_they_are() -> None:
    pixels = chest_film(60, 50) * np.float32(0.5)
    np.testing.assert_array_equal(shown(saved(pixels, "TIFF"))[0], pixels)


def test_the_largest_numbers_of_a_tiff_are_stretched_and_stay_finite() -> None:
    pixels = chest_film(60, 50)
    pixels[0, 0], pixels[0, 1] = -3e38, 3e38
    found = shown(saved(pixels, "TIFF"))[0]
    assert (found[0, 0], found[0, 1]) == (0, 1)
    np.testing.assert_allclose(found[1:], 0.5, atol=1e-6)


def test_a_number_that_is_none_is_refused() -> None:
    pixels = chest_film(60, 50)
    pixels[3, 3] = np.nan
    with pytest.raises(UnreadableImage, match="values that are no numbers"):
        shown(saved(pixels, "TIFF"))


def test_pages_share_one_scale() -> None:
    pages = [PIL.Image.fromarray(np.full((20, 20), level, np.float32)) for level in (0, 100, 400)]
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    np.testing.assert_allclose(shown(content)[:, 0, 0], [0, 0.25, 1])


def test_pages_of_two_sizes_are_refused() -> None:
    pages = [PIL.Image.fromarray(FILM), PIL.Image.fromarray(FILM[:30])]
    with pytest.raises(UnreadableImage, match="differ in size"):
        shown(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))


def test_more_pages_or_pixels_than_allowed_are_refused_before_they_are_decoded() -> None:
    pages = [PIL.Image.fromarray(FILM)] * 5
    content = saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    for limits in (Limits(frames=4), Limits(pixels=FILM.size - 1), Limits(inflated_bytes=5 * 4 * FILM.size - 1)):
        with pytest.raises(UnreadableImage, match=r"more than 4 pages|million pixels|too many to read") as caught:
            decode([content], EVERY, limits)
        assert caught.value.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_a_picture_is_recognised_by_its_content_and_refused_when_it_is_cut_off(kind: str) -> None:
    content = saved(FILM, kind)
    assert recognise(content) is Format(kind.lower())
    with pytest.raises(UnreadableImage, match=f"{kind} file is damaged or incomplete"):
        decode([content[: len(content) // 2]])


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "a PDF document"),
        (b"MZ\x90\x00", "a Windows program"),
        (b"\x7fELF\x02", "a Linux program"),
        (b"#!/bin/sh", "a script"),
        (b"GIF89a", "a GIF picture"),
        (b"RIFF\0\0\0\0WEBP", "a WebP picture"),
        (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture outside of DICOM"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"NRRD0004", "an NRRD volume"),
        (b"  <svg xmlns=", "an SVG drawing"),
        (b"<!DOCTYPE html>", "a text with markup"),
        (b'{"a": 1}', "a text, such as JSON"),
        (b"Rar!\x1a", "a RAR archive"),
        (b"7z\xbc\xaf", "a 7-Zip archive"),
        (b"hello", "no known image"),
    ],
)
def test_what_is_no_image_is_named(beginning: bytes, kind: str) -> None:
    with pytest.raises(UnreadableImage, match=f"The file is {kind}"):
        recognise(beginning)


def test_an_archive_where_an_image_was_expected_is_named() -> None:
    with pytest.raises(UnreadableImage, match=r"is a zip archive where an image was expected\. Unpack it first"):
        decode([b"PK\x03\x04" + bytes(40)])
