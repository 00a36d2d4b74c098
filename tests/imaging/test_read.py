from __future__ import annotations

import io
import warnings

import numpy as np
import PIL.Image
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import FileDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from radiolens.errors import UnreadableImage
from radiolens.image import Unit
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode, recognise
from radiolens.imaging.selection import EVERY, SliceSelection
from tests.phantoms import chest_film

FILM = np.rint(chest_film() * 255).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def film(photometric: str = "MONOCHROME2", **values: object) -> bytes:
    dataset = FileDataset("film", {}, preamble=b"\0" * 128)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "CR", "CHEST", "PA"
    dataset.Rows, dataset.Columns = FILM.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PhotometricInterpretation = photometric
    dataset.PixelData = FILM.tobytes()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def sample(name: str) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = get_testdata_file(name, download=False)
    if file is None:
        pytest.skip(f"needs {name} of pydicom")
    with open(str(file), "rb") as stream:
        return stream.read()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_a_lossless_picture_keeps_its_grey_levels(kind: str) -> None:
    image = decode([encoded(FILM, kind)])
    assert image.unit is Unit.UNIT_INTERVAL
    np.testing.assert_array_equal(image.pixels[0], FILM / np.float32(255))


def test_sixteen_bits_are_read_in_full() -> None:
    deep = (FILM.astype(np.uint16) * 256 + FILM // 2).astype(np.uint16)
    np.testing.assert_allclose(decode([encoded(deep, "PNG")]).pixels[0], deep / 65535, atol=1e-7)


def test_colour_is_told_and_becomes_luma() -> None:
    colour = np.zeros((80, 90, 3), np.uint8)
    colour[..., 0] = 255
    image = decode([encoded(colour, "PNG")])
    assert image.source.colour_fraction == pytest.approx(1.0)
    assert image.pixels.max() == pytest.approx(0.299, abs=0.01)


def test_a_transparent_place_is_black() -> None:
    picture = np.full((80, 90, 4), 255, np.uint8)
    picture[:40, :, 3] = 0
    pixels = decode([encoded(picture, "PNG")]).pixels[0]
    assert pixels[:40].max() == 0.0
    assert pixels[40:].min() == 1.0


def test_exif_orientation_is_applied() -> None:
    stream = io.BytesIO()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(FILM).save(stream, "PNG", exif=exif)
    np.testing.assert_array_equal(decode([stream.getvalue()]).pixels[0], np.rot90(FILM, -1) / np.float32(255))


def test_pages_of_a_tiff_are_slices() -> None:
    stream = io.BytesIO()
    pages = [PIL.Image.fromarray(np.full((80, 80), level, np.uint8)) for level in range(10)]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    image = decode([stream.getvalue()], SliceSelection(0.0, 1.0, 3))
    assert (image.slice_indices, image.slice_count) == ((0, 4, 9), 10)
    np.testing.assert_allclose(image.pixels[:, 0, 0] * 255, [0, 4, 9], atol=1e-4)


def test_monochrome1_and_its_inverse_give_the_same_image() -> None:
    upright = decode([film("MONOCHROME2", PixelData=(255 - FILM).tobytes())])
    np.testing.assert_allclose(decode([film("MONOCHROME1")]).pixels, upright.pixels, atol=1e-6)


def test_monochrome1_with_inverse_shape_is_inverted_once() -> None:
    both = decode([film("MONOCHROME1", PresentationLUTShape="INVERSE")])
    np.testing.assert_allclose(both.pixels, decode([film("MONOCHROME1")]).pixels, atol=1e-6)


def test_a_window_is_applied_to_a_film() -> None:
    pixels = decode([film(WindowCenter=100, WindowWidth=100)]).pixels[0]
    expected = np.clip((FILM - 99.5) / 99 + 0.5, 0, 1)  # PS3.3 C.11.2.1.2.1
    np.testing.assert_allclose(pixels, expected, atol=1e-6)


def test_a_film_keeps_what_its_header_tells() -> None:
    image = decode([film(PatientAge="018M", PatientName="Doe^Jane", ImagerPixelSpacing=[0.2, 0.2])])
    assert (image.modality, image.view, image.source.body_part_examined) == ("CR", "PA", "CHEST")
    assert image.source.patient_age_years == 1.5
    assert image.spacing_mm == (0.2, 0.2)
    assert "Doe" not in repr(image.source)


def test_a_window_that_is_no_number_is_unreadable() -> None:
    with pytest.warns(UserWarning, match="Invalid value for VR DS"):
        content = film(WindowCenter="NaN", WindowWidth="100")
    with pytest.raises(UnreadableImage, match="cannot be decoded"):
        decode([content])


def test_ct_comes_in_hounsfield_units() -> None:
    image = decode([sample("CT_small.dcm")])
    dataset = pydicom.dcmread(io.BytesIO(sample("CT_small.dcm")))
    expected = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    assert image.unit is Unit.HOUNSFIELD
    np.testing.assert_allclose(image.pixels[0], expected)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_a_transfer_syntax_gives_what_its_uncompressed_twin_gives(name: str) -> None:
    np.testing.assert_array_equal(decode([sample(name)]).pixels, decode([sample("MR_small.dcm")]).pixels)


@pytest.mark.parametrize("name", ["emri_small_RLE.dcm", "emri_small_big_endian.dcm", "emri_small_jpeg_2k_lossless.dcm"])
def test_frames_of_a_compressed_enhanced_file_equal_their_twins(name: str) -> None:
    image = decode([sample(name)], EVERY)
    assert image.slice_count == 10
    np.testing.assert_array_equal(image.pixels, decode([sample("emri_small.dcm")], EVERY).pixels)


def test_a_deflated_file_is_inflated_within_the_limit() -> None:
    assert decode([sample("image_dfl.dcm")]).pixels.shape == (1, 512, 512)
    dataset = pydicom.dcmread(io.BytesIO(film()))
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(4_000_000)
    stream = io.BytesIO()
    dataset.save_as(stream)
    with pytest.raises(UnreadableImage, match="becomes larger than"):
        decode([stream.getvalue()], limits=Limits(inflated_bytes=1_000_000))


def test_nested_sequences_are_bounded() -> None:
    dataset = pydicom.dcmread(io.BytesIO(film()))
    for _ in range(60):
        outer = pydicom.Dataset()
        outer.ReferencedImageSequence = [dataset] if "Rows" not in dataset else []
        dataset = outer
    whole = pydicom.dcmread(io.BytesIO(film()))
    whole.ReferencedImageSequence = [dataset]
    stream = io.BytesIO()
    whole.save_as(stream)
    with pytest.raises(UnreadableImage, match="nested more than 32 deep"):
        decode([stream.getvalue()])


def test_a_declared_size_over_the_limit_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(UnreadableImage, match="65535 x 65535"):
        decode([film(Rows=65535, Columns=65535)])


@pytest.mark.parametrize("magic", [b"MZ", b"\x7fELF", b"#!", b"PK", b"%PDF"])
def test_a_preamble_of_another_kind_of_file_is_refused(magic: bytes) -> None:
    content = film()
    with pytest.raises(UnreadableImage, match="is not read as DICOM"):
        decode([magic + content[len(magic) :]])


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty"), (b"%PDF-1.4", "a PDF document"), (b"hello", "no known image"), (b"GIF89a", "a GIF picture")],
)
def test_what_is_no_image_is_named(content: bytes, message: str) -> None:
    with pytest.raises(UnreadableImage, match=message):
        recognise(content)


def test_a_picture_beyond_the_pixel_limit_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="million pixels are read"):
        decode([encoded(FILM, "PNG")], limits=Limits(pixels=1000))


def test_a_single_pixel_is_no_image() -> None:
    with pytest.raises(UnreadableImage, match="too small"):
        decode([encoded(FILM[:1, :1], "PNG")])


def test_a_truncated_file_is_unreadable() -> None:
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        decode([encoded(FILM, "JPEG")[:800]])
    with pytest.raises(UnreadableImage, match="cannot be decoded"):
        decode([film()[:-5000]])
