"""One DICOM file for each transfer syntax decodes equal to its uncompressed twin."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import uid

from radiolens.errors import UnreadableImage
from radiolens.imaging import dicom_codecs
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import EVERY
from radiolens.quality import ProblemCode
from tests.phantoms import MR, chest_film, dicom, dicom_bytes, dicom_dataset, head_slice

Encoder = Callable[[NDArray[Any]], bytes]

GREY_8 = np.rint(chest_film(96, 80) * 255).astype(np.uint8)
GREY_12 = np.rint(chest_film(96, 80) * 4095).astype(np.uint16)
GREY_16 = np.rint(chest_film(96, 80) * 65535).astype(np.uint16)
SIGNED_16 = head_slice()
SIGNED_12 = np.clip(head_slice(), -2048, 2047).astype(np.int16)
COLOUR_8 = np.stack([GREY_8, GREY_8[::-1], GREY_8[:, ::-1]], axis=-1)
TWELVE = {"BitsStored": 12, "HighBit": 11}


def values(content: bytes) -> NDArray[np.float32]:
    return decode([content], EVERY).pixels


def jpeg(**options: object) -> Encoder:
    return lambda pixels: imagecodecs.jpeg8_encode(pixels.view(pixels.dtype.str.replace("i", "u")), **options)


def jpeg_ls(level: int = 0) -> Encoder:
    return lambda pixels: imagecodecs.jpegls_encode(pixels.view(pixels.dtype.str.replace("i", "u")), level=level)


def jpeg_2000(**options: object) -> Encoder:
    return lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k", **options)


def htj2k(**options: object) -> Encoder:
    return lambda pixels: imagecodecs.htj2k_encode(pixels, **options)


@dataclass(frozen=True, eq=False)
class Case:
    syntax: uid.UID
    pixels: NDArray[Any]
    encode: Encoder
    elements: dict[str, Any] = field(default_factory=dict)


LOSSLESS = {
    "jpeg .57 of 8 bits": Case(uid.JPEGLossless, GREY_8, jpeg(lossless=True, predictor=4)),
    "jpeg .57 of 16 bits": Case(uid.JPEGLossless, GREY_16, jpeg(lossless=True, predictor=4)),
    "jpeg .57 of 12 signed bits": Case(
        uid.JPEGLossless,
        SIGNED_12,
        lambda pixels: imagecodecs.jpeg8_encode((pixels & 0xFFF).astype(np.uint16), lossless=True, bitspersample=12),
        TWELVE,
    ),
    "jpeg .70 of 8 bits": Case(uid.JPEGLosslessSV1, GREY_8, jpeg(lossless=True, predictor=1)),
    "jpeg .70 of 12 bits": Case(
        uid.JPEGLosslessSV1, GREY_12, jpeg(lossless=True, predictor=1, bitspersample=12), TWELVE
    ),
    "jpeg .70 of 16 bits": Case(uid.JPEGLosslessSV1, GREY_16, jpeg(lossless=True, predictor=1)),
    "jpeg .70 of 16 signed bits": Case(uid.JPEGLosslessSV1, SIGNED_16, jpeg(lossless=True, predictor=1)),
    "jpeg-ls of 8 bits": Case(uid.JPEGLSLossless, GREY_8, jpeg_ls()),
    "jpeg-ls of 16 bits": Case(uid.JPEGLSLossless, GREY_16, jpeg_ls()),
    "jpeg-ls of 16 signed bits": Case(uid.JPEGLSLossless, SIGNED_16, jpeg_ls()),
    "jpeg-ls of colour": Case(uid.JPEGLSLossless, COLOUR_8, jpeg_ls()),
    "jpeg 2000 of 8 bits": Case(uid.JPEG2000Lossless, GREY_8, jpeg_2000(reversible=True)),
    "jpeg 2000 of 12 bits": Case(uid.JPEG2000Lossless, GREY_12, jpeg_2000(reversible=True, bitspersample=12), TWELVE),
    "jpeg 2000 of 16 bits": Case(uid.JPEG2000Lossless, GREY_16, jpeg_2000(reversible=True)),
    "jpeg 2000 of 16 signed bits": Case(uid.JPEG2000Lossless, SIGNED_16, jpeg_2000(reversible=True)),
    "jpeg 2000 .91, reversible": Case(uid.JPEG2000, SIGNED_16, jpeg_2000(reversible=True)),
    "jpeg 2000 of colour": Case(
        uid.JPEG2000Lossless, COLOUR_8, jpeg_2000(reversible=True), {"PhotometricInterpretation": "YBR_RCT"}
    ),
    "htj2k .201 of 8 bits": Case(uid.HTJ2KLossless, GREY_8, htj2k(reversible=True)),
    "htj2k .201 of 16 bits": Case(uid.HTJ2KLossless, GREY_16, htj2k(reversible=True)),
    "htj2k .201 of 16 signed bits": Case(uid.HTJ2KLossless, SIGNED_16, htj2k(reversible=True)),
    "htj2k .202 of 16 bits": Case(uid.HTJ2KLosslessRPCL, GREY_16, htj2k(reversible=True)),
    "htj2k .203, reversible": Case(uid.HTJ2K, GREY_16, htj2k(reversible=True)),
    "htj2k of colour": Case(
        uid.HTJ2KLossless, COLOUR_8, htj2k(reversible=True, rgb=True), {"PhotometricInterpretation": "YBR_RCT"}
    ),
}


LOSSY = {
    # The greatest difference of each was measured at these settings (8, 22, 9, 26 and 7 levels) and rounded up; a
    # decoder that reads anything else, a shifted bit or another colour, is off by hundreds.
    "jpeg .50 of 8 bits": (Case(uid.JPEGBaseline8Bit, GREY_8, jpeg(level=95)), 10),
    "jpeg .51 of 8 bits": (Case(uid.JPEGExtended12Bit, GREY_8, jpeg(level=95)), 10),
    "jpeg .51 of 12 bits": (Case(uid.JPEGExtended12Bit, GREY_12, jpeg(level=95, bitspersample=12), TWELVE), 12),
    # By definition of NEAR (ITU-T T.87), exactly.
    "jpeg-ls, 2 levels near": (Case(uid.JPEGLSNearLossless, GREY_8, jpeg_ls(2)), 2),
    "jpeg-ls, 5 levels near, of 16 bits": (Case(uid.JPEGLSNearLossless, GREY_16, jpeg_ls(5)), 5),
    "jpeg 2000 of 16 bits": (Case(uid.JPEG2000, GREY_16, jpeg_2000(level=80)), 30),
    "jpeg 2000 of 16 signed bits": (Case(uid.JPEG2000, SIGNED_16, jpeg_2000(level=80)), 30),
    "htj2k of 16 bits": (Case(uid.HTJ2K, GREY_16, htj2k(level=0.0001, reversible=False)), 10),
}


def decoded(case: Case) -> NDArray[np.float32]:
    frames = [case.encode(case.pixels)]
    return values(dicom(case.pixels, case.syntax, frames, Modality="MR", SOPClassUID=MR, **case.elements))


def uncompressed(case: Case) -> NDArray[np.float32]:
    elements = {**case.elements, **({"PhotometricInterpretation": "RGB"} if case.pixels.ndim == 3 else {})}
    return values(dicom(case.pixels, Modality="MR", SOPClassUID=MR, **elements))


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_lossless_syntax_decodes_exactly_to_its_uncompressed_twin(name: str) -> None:
    np.testing.assert_array_equal(decoded(LOSSLESS[name]), uncompressed(LOSSLESS[name]))


@pytest.mark.parametrize("name", LOSSY)
def test_a_lossy_syntax_decodes_near_its_uncompressed_twin(name: str) -> None:
    case, tolerance = LOSSY[name]
    difference = np.abs(decoded(case) - uncompressed(case))
    assert 0 < difference.max() <= tolerance


@pytest.mark.parametrize(("subsampling", "photometric"), [("444", "YBR_FULL"), ("422", "YBR_FULL_422")])
def test_the_luma_of_a_colour_jpeg_is_that_of_its_twin(subsampling: str, photometric: str) -> None:
    case = Case(
        uid.JPEGBaseline8Bit,
        COLOUR_8,
        jpeg(level=95, subsampling=subsampling),
        {"PhotometricInterpretation": photometric},
    )
    # Of 255 levels 10, as for the grey JPEG above; the luma is never subsampled.
    np.testing.assert_allclose(decoded(case), uncompressed(case), atol=10 / 255)


def test_the_colours_of_a_jpeg_without_transform_are_taken_as_they_are() -> None:
    encode = jpeg(level=95, colorspace="RGB", outcolorspace="RGB")
    case = Case(uid.JPEGBaseline8Bit, COLOUR_8, encode, {"PhotometricInterpretation": "RGB"})
    np.testing.assert_allclose(decoded(case), uncompressed(case), atol=10 / 255)


@pytest.mark.parametrize(
    ("syntax", "pixels"),
    [
        (uid.ImplicitVRLittleEndian, SIGNED_16),
        (uid.ExplicitVRBigEndian, SIGNED_16),
        (uid.ExplicitVRBigEndian, GREY_8),
        (uid.DeflatedExplicitVRLittleEndian, SIGNED_16),
    ],
)
def test_an_uncompressed_syntax_decodes_to_the_same_values(syntax: uid.UID, pixels: NDArray[Any]) -> None:
    found = values(dicom(pixels, syntax, Modality="MR", SOPClassUID=MR))
    np.testing.assert_array_equal(found[0], pixels.astype(np.float32))


def test_a_deflated_file_without_group_length_is_inflated() -> None:
    content = dicom(SIGNED_16, uid.DeflatedExplicitVRLittleEndian, Modality="MR", SOPClassUID=MR)
    group_length = content[132:144]
    assert group_length[:6] == b"\x02\x00\x00\x00UL"
    np.testing.assert_array_equal(values(content.replace(group_length, b"", 1))[0], SIGNED_16)


@pytest.mark.parametrize("pixels", [GREY_8, SIGNED_16, COLOUR_8, np.stack([GREY_16, GREY_16[::-1]])])
def test_run_lengths_decode_exactly(pixels: NDArray[Any]) -> None:
    dataset = dicom_dataset(pixels, Modality="MR", SOPClassUID=MR)
    expected = values(dicom_bytes(dataset))
    dataset.compress(uid.RLELossless)
    np.testing.assert_array_equal(values(dicom_bytes(dataset, uid.RLELossless)), expected)


FRAME_ENCODERS: dict[uid.UID, Encoder] = {
    uid.JPEGLosslessSV1: jpeg(lossless=True, predictor=1),
    uid.JPEGLSLossless: jpeg_ls(),
    uid.JPEG2000Lossless: jpeg_2000(reversible=True),
    uid.HTJ2KLossless: htj2k(reversible=True),
}


@pytest.mark.parametrize("syntax", FRAME_ENCODERS, ids=lambda syntax: syntax.name)
def test_every_frame_of_a_compressed_file_is_found(syntax: uid.UID) -> None:
    frames = np.stack([head_slice(height=height, seed=7) for height in (-0.8, 0.0, 0.5)])
    encoded = [FRAME_ENCODERS[syntax](frame) for frame in frames]
    found = values(dicom(frames, syntax, encoded, Modality="MR", SOPClassUID=MR))
    np.testing.assert_array_equal(found, frames.astype(np.float32))


def needs(command: str) -> None:
    if shutil.which(command) is None:
        pytest.skip(f"needs {command}, an independent writer (apt-get install dcmtk)")


@pytest.mark.parametrize(
    ("command", "pixels", "tolerance"),
    [
        *[(["dcmcjpeg", "+el", "+sv", str(predictor)], GREY_16, 0) for predictor in range(1, 8)],
        (["dcmcjpeg", "+e1"], SIGNED_16, 0),
        (["dcmcjpeg", "+e1"], GREY_8, 0),
        (["dcmcjpls", "+el"], SIGNED_16, 0),
        (["dcmcjpls", "+en", "+md", "2"], GREY_8, 2),
        (["dcmcrle"], SIGNED_16, 0),
        (["dcmconv", "+tb"], SIGNED_16, 0),
        (["dcmconv", "+td"], SIGNED_16, 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_dcmtk_writes_decodes_to_its_original(
    command: list[str], pixels: NDArray[Any], tolerance: int, tmp_path: Path
) -> None:
    needs(command[0])
    content = dicom(pixels, Modality="MR", SOPClassUID=MR)
    (tmp_path / "plain.dcm").write_bytes(content)
    subprocess.run([*command, "plain.dcm", "other.dcm"], cwd=tmp_path, check=True)
    other = (tmp_path / "other.dcm").read_bytes()
    assert decode([other]).source.transfer_syntax_uid != uid.ExplicitVRLittleEndian
    assert np.abs(values(other) - values(content)).max() <= tolerance


@pytest.mark.parametrize(
    ("process", "pixels"),
    [("+eb", GREY_8), ("+ee", GREY_8), ("+ee", GREY_12)],
    ids=["baseline", "extended, 8 bits", "extended, 12 bits"],
)
def test_a_lossy_jpeg_decodes_as_dcmtk_decodes_it(process: str, pixels: NDArray[Any], tmp_path: Path) -> None:
    needs("dcmcjpeg")
    told = TWELVE if pixels is GREY_12 else {}
    (tmp_path / "plain.dcm").write_bytes(dicom(pixels, Modality="MR", SOPClassUID=MR, **told))
    subprocess.run(["dcmcjpeg", process, "+q", "90", "plain.dcm", "jpeg.dcm"], cwd=tmp_path, check=True)
    subprocess.run(["dcmdjpeg", "jpeg.dcm", "back.dcm"], cwd=tmp_path, check=True)
    ours, theirs = (values((tmp_path / name).read_bytes()) for name in ("jpeg.dcm", "back.dcm"))
    # Inverse cosine transforms may round to neighbouring levels (ITU-T T.83 allows one).
    np.testing.assert_allclose(ours, theirs, atol=1)


@pytest.mark.parametrize("syntax", [uid.MPEG2MPML, uid.MPEG4HP41, uid.HEVCMP51, uid.JPIPHTJ2KReferenced])
def test_a_syntax_that_is_not_read_is_named(syntax: uid.UID) -> None:
    with pytest.raises(UnreadableImage, match=rf"{syntax.name.split(' ')[0]}.*Export the image uncompressed") as caught:
        decode([dicom(GREY_8, syntax, [b"a film"])])
    assert caught.value.code is ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX


def test_a_missing_decoder_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagecodecs.JPEGLS, "available", False)
    with pytest.raises(UnreadableImage, match=r"JPEG-LS Lossless.* pip install imagecodecs") as caught:
        decode([dicom(GREY_8, uid.JPEGLSLossless, [jpeg_ls()(GREY_8)])])
    assert caught.value.code is ProblemCode.UNSUPPORTED_TRANSFER_SYNTAX


def test_every_compressed_syntax_that_is_read_has_its_decoder_installed() -> None:
    for syntax in dicom_codecs.DECODER_DEPENDENCIES:
        assert dicom_codecs.decoder_for(syntax).is_available, syntax.name


@pytest.mark.parametrize("syntax", FRAME_ENCODERS, ids=lambda syntax: syntax.name)
def test_a_frame_that_is_cut_off_is_not_shown_half_grey(syntax: uid.UID) -> None:
    frame = FRAME_ENCODERS[syntax](GREY_16)
    with pytest.raises(UnreadableImage, match="cannot be decoded"):
        decode([dicom(GREY_16, syntax, [frame[: len(frame) // 2]])])


@pytest.mark.parametrize("syntax", FRAME_ENCODERS, ids=lambda syntax: syntax.name)
def test_a_frame_of_another_size_than_the_header_says_is_refused_before_it_is_decoded(syntax: uid.UID) -> None:
    frame = FRAME_ENCODERS[syntax](np.zeros((256, 256), np.uint16))
    with pytest.raises(UnreadableImage, match="the header does not fit"):
        decode([dicom(GREY_16, syntax, [frame])])


def test_a_deflated_file_that_becomes_too_large_is_refused() -> None:
    content = dicom(np.zeros((2000, 1000), np.uint16), uid.DeflatedExplicitVRLittleEndian)
    assert len(content) < 20_000
    with pytest.raises(UnreadableImage, match="becomes larger than 1 MB") as caught:
        decode([content], limits=Limits(inflated_bytes=1_000_000))
    assert caught.value.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_deflated_file_that_is_cut_off_is_refused(keep: float) -> None:
    content = dicom(SIGNED_16, uid.DeflatedExplicitVRLittleEndian)
    with pytest.raises(UnreadableImage, match="compressed file is incomplete"):
        decode([content[: int(keep * len(content))]])
