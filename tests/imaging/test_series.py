"""DICOM volumes: files of one series, multi-frame files, and what is kept of their headers."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from radiolens.errors import UnreadableImage
from radiolens.image import Unit
from radiolens.imaging.dicom_header import view
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.selection import EVERY, MIDDLE, SliceSelection
from radiolens.quality import ProblemCode
from tests.phantoms import CT, MR, SECONDARY_CAPTURE, chest_film, dicom, dicom_dataset, head_slice
from tests.shared_data import SHARED, needs_shared_data

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
HEIGHTS = (-0.6, -0.3, 0.0, 0.3, 0.6)
SLICES = np.stack([head_slice(height=height, seed=number) for number, height in enumerate(HEIGHTS)])


def slice_file(number: int, position: Sequence[float] | None, **elements: Any) -> bytes:  # noqa: ANN401  any element
    told = {
        "Modality": "CT",
        "SOPClassUID": CT,
        "SOPInstanceUID": f"1.2.3.{number}",
        "InstanceNumber": number + 1,
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "ImageOrientationPatient": list(AXIAL),
        **({"ImagePositionPatient": list(position)} if position is not None else {}),
        **elements,
    }
    return dicom(SLICES[number], **told)


def test_slices_lie_in_the_order_of_their_positions_and_not_of_their_files() -> None:
    files = [slice_file(number, (0, 0, 5.0 * number), InstanceNumber=9 - number) for number in (3, 0, 4, 1, 2)]
    image = decode(files, EVERY)
    assert image.unit is Unit.HOUNSFIELD
    np.testing.assert_array_equal(image.pixels, SLICES)
    assert image.source.sop_instance_uids == tuple(f"1.2.3.{number}" for number in range(5))


def test_slices_of_a_tilted_gantry_are_ordered_along_their_normal() -> None:
    tilt = np.radians(20)
    tilted = [1, 0, 0, 0, float(np.cos(tilt)), float(-np.sin(tilt))]
    # The table moves along z while the plane is tilted: positions differ in y and z.
    files = [
        slice_file(number, (0, -3.0 * number, 5.0 * number), ImageOrientationPatient=tilted) for number in (2, 0, 1)
    ]
    np.testing.assert_array_equal(decode(files, EVERY).pixels, SLICES[:3])


@pytest.mark.parametrize(
    ("directions", "step"),
    [
        ((-1, 0, 0, 0, 1, 0), (0, 0, 1)),  # axial, seen from above: foot to head
        ((1, 0, 0, 0, 0, -1), (0, -1, 0)),  # coronal: back to front
        ((0, 1, 0, 0, 0, -1), (-1, 0, 0)),  # sagittal: left to right
    ],
)
def test_slices_are_counted_in_one_direction_however_they_are_turned(
    directions: tuple[float, ...], step: tuple[float, ...]
) -> None:
    positions = {number: [4.0 * number * along for along in step] for number in (2, 0, 1)}
    files = [slice_file(number, at, ImageOrientationPatient=list(directions)) for number, at in positions.items()]
    np.testing.assert_array_equal(decode(files, EVERY).pixels, SLICES[:3])


def test_without_positions_the_instance_number_orders_the_slices() -> None:
    files = [slice_file(number, None) for number in (3, 0, 4, 1, 2)]
    np.testing.assert_array_equal(decode(files, EVERY).pixels, SLICES)


def test_slices_that_are_not_parallel_are_told() -> None:
    files = [slice_file(0, (0, 0, 9)), slice_file(1, (0, 0, 0), ImageOrientationPatient=[0, 1, 0, 0, 0, -1])]
    image = decode(files, EVERY)
    np.testing.assert_array_equal(image.pixels, SLICES[:2])
    assert "not parallel" in image.source.warnings[0]


def test_slices_at_one_place_are_told() -> None:
    image = decode([slice_file(number, (0, 0, 0)) for number in range(3)], EVERY)
    assert "same position" in image.source.warnings[0]


def test_the_middle_is_read_by_default_and_every_slice_can_be() -> None:
    files = [slice_file(number, (0, 0, number)) for number in range(5)]
    middle = decode(files)
    assert (middle.slice_indices, middle.slice_count) == (MIDDLE.indices(5), 5) == ((1, 2, 3), 5)
    np.testing.assert_array_equal(middle.pixels, SLICES[1:4])
    for number in range(5):
        one = decode(files, SliceSelection(number / 5, number / 5, 1))
        np.testing.assert_array_equal(one.pixels[0], SLICES[number])


@pytest.mark.parametrize(
    ("keyword", "value"), [("SeriesInstanceUID", "1.2.9"), ("Rows", 40), ("Modality", "PT"), ("RescaleType", "PCT")]
)
def test_files_that_do_not_belong_together_are_refused(keyword: str, value: object) -> None:
    files = [slice_file(0, (0, 0, 0)), slice_file(1, (0, 0, 1), **{keyword: value})]
    with pytest.raises(UnreadableImage, match=r"differ in (the unit|" + keyword + ")"):
        decode(files)


def test_a_picture_among_the_files_of_a_series_is_refused() -> None:
    with pytest.raises(UnreadableImage, match="One of the files is not DICOM"):
        decode([slice_file(0, (0, 0, 0)), b"\x89PNG\r\n\x1a\n" + bytes(200)])


def test_a_series_over_a_limit_is_refused_before_it_is_decoded() -> None:
    files = [slice_file(number, (0, 0, number)) for number in range(5)]
    for limits in (Limits(frames=4), Limits(inflated_bytes=SLICES.size * 4 - 1)):
        with pytest.raises(UnreadableImage, match=r"at most 4 are read|too many to read at once") as caught:
            decode(files, EVERY, limits)
        assert caught.value.code is ProblemCode.TOO_LARGE


def group(**elements: object) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def enhanced(order: Sequence[int]) -> bytes:
    """Return an enhanced CT file whose frames lie in this order and have a rescale each."""
    shared = group(
        PlaneOrientationSequence=[group(ImageOrientationPatient=list(AXIAL))],
        PixelMeasuresSequence=[group(PixelSpacing=[0.5, 0.25])],
    )
    frames = [
        group(
            PlanePositionSequence=[group(ImagePositionPatient=[0, 0, 5 * number])],
            PixelValueTransformationSequence=[group(RescaleSlope=1, RescaleIntercept=-number, RescaleType="HU")],
        )
        for number in order
    ]
    return dicom(
        np.stack([SLICES[number] + number for number in order]).astype(np.int16),
        Modality="CT",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=frames,
    )


def test_frames_of_an_enhanced_file_have_a_place_and_a_rescale_each() -> None:
    image = decode([enhanced([2, 0, 4, 1, 3])], EVERY)
    assert (image.unit, image.slice_count, image.spacing_mm) == (Unit.HOUNSFIELD, 5, (0.5, 0.25))
    assert image.orientation == AXIAL
    np.testing.assert_array_equal(image.pixels, SLICES)


def test_a_multi_frame_file_without_functional_groups_keeps_the_order_of_its_frames() -> None:
    image = decode([dicom(SLICES, Modality="MR", SOPClassUID=MR)], EVERY)
    np.testing.assert_array_equal(image.pixels, SLICES)


def test_frames_that_are_declared_and_missing_are_refused() -> None:
    with pytest.raises(UnreadableImage, match=r"the header declares .* bytes of pixels"):
        decode([dicom(SLICES, NumberOfFrames=6)])
    with pytest.raises(UnreadableImage, match="at most 4000 frames") as caught:
        decode([dicom(SLICES, NumberOfFrames=4001)])
    assert caught.value.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize(
    ("told", "unit", "remark"),
    [
        ({"Modality": "CT", "RescaleIntercept": -1024, "RescaleSlope": 1}, Unit.HOUNSFIELD, None),
        ({"Modality": "CT", "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "HU"}, Unit.HOUNSFIELD, None),
        ({"Modality": "CT", "RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "Z_EFF"}, Unit.ARBITRARY, "CT"),
        ({"Modality": "CT"}, Unit.HOUNSFIELD, "not stated to be Hounsfield"),  # but the values have air at -1000
        ({"Modality": "CT", "RescaleType": "UNSPECIFIED", "RescaleIntercept": 0}, Unit.HOUNSFIELD, "not stated"),
        ({"Modality": "CT", "RescaleType": "UNSPECIFIED", "RescaleIntercept": 5000}, Unit.ARBITRARY, "not stated"),
        ({"Modality": "CT", "SOPClassUID": SECONDARY_CAPTURE}, Unit.UNIT_INTERVAL, None),
        ({"Modality": "MR", "SOPClassUID": MR}, Unit.ARBITRARY, None),
        ({"Modality": "DX"}, Unit.UNIT_INTERVAL, None),
        ({"Modality": None}, Unit.UNIT_INTERVAL, None),
    ],
)
def test_the_unit_is_what_the_header_says(told: dict[str, Any], unit: Unit, remark: str | None) -> None:
    image = decode([dicom(SLICES[0], **told)])
    assert image.unit is unit
    assert [remark in warning for warning in image.source.warnings] == ([True] if remark else [])


def test_mr_is_brightest_where_it_is_to_be_shown_white() -> None:
    told = {"Modality": "MR", "SOPClassUID": MR}
    shown = decode([dicom(SLICES[0], **told)]).pixels
    least_is_white = decode([dicom(-SLICES[0], PhotometricInterpretation="MONOCHROME1", **told)]).pixels
    np.testing.assert_array_equal(least_is_white, shown)


def test_ct_is_rescaled_and_not_windowed() -> None:
    told = {"Modality": "CT", "RescaleSlope": 2, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 80}
    np.testing.assert_array_equal(decode([dicom(SLICES[0], **told)]).pixels[0], SLICES[0] * 2.0 - 1024)


def test_padding_of_a_ct_becomes_its_lowest_value() -> None:
    padded = SLICES[2].copy()
    padded[:9] = -2000
    told = {"Modality": "CT", "RescaleSlope": 1, "RescaleIntercept": 0}
    shown = decode([dicom(padded, PixelPaddingValue=-2000, **told)]).pixels[0]
    assert shown.min() == padded[9:].min()
    np.testing.assert_array_equal(shown[9:], padded[9:])
    wrapped = dicom_dataset(padded, **told)
    wrapped.add_new("PixelPaddingValue", "US", 65536 - 2000)  # as a few writers state it
    from_wrapped = io.BytesIO()
    wrapped.save_as(from_wrapped, enforce_file_format=True)
    np.testing.assert_array_equal(decode([from_wrapped.getvalue()]).pixels[0], shown)


FILM = np.rint(chest_film(60, 50) * 255).astype(np.uint8)


def test_what_matters_of_a_header_is_kept_and_no_name() -> None:
    content = dicom(
        FILM,
        PatientName="Doe^Jane",
        PatientID="4711",
        PatientBirthDate="19700101",
        PatientAge="018M",
        PatientSex="F",
        BodyPartExamined="CHEST",
        ViewPosition="PA",
        ImagerPixelSpacing=[0.2, 0.1],
        Manufacturer="Acme",
        SeriesDescription="Chest PA",
        BurnedInAnnotation="YES",
    )
    image = decode([content])
    source = image.source
    assert (image.modality, image.view, image.spacing_mm, image.orientation) == ("CR", "PA", (0.2, 0.1), None)
    assert (source.patient_age_years, source.patient_sex, source.body_part_examined) == (1.5, "F", "CHEST")
    assert (source.manufacturer, source.series_description, source.size) == ("Acme", "Chest PA", (60, 50))
    assert source.sop_instance_uids == ("1.2.826.0.1.3680043.8.498.1",)
    assert (source.study_instance_uid, source.series_instance_uid) == (
        "1.2.826.0.1.3680043.8.498.2",
        "1.2.826.0.1.3680043.8.498.3",
    )
    assert source.transfer_syntax_uid == "1.2.840.10008.1.2.1"
    assert source.warnings == ("The file says that text is burnt into the image.",)
    assert not any(secret in repr(image) for secret in ("Doe", "4711", "1970"))


@pytest.mark.parametrize(("said", "found"), [(("NO", "YES", "NO"), "YES"), (("NO", "NO"), "NO"), ((None, None), None)])
def test_what_one_file_of_a_series_says_of_text_and_faces_holds_for_all(
    said: tuple[str | None, ...], found: str | None
) -> None:
    files = [
        dicom(FILM, InstanceNumber=number, BurnedInAnnotation=word, RecognizableVisualFeatures=word)
        if word
        else dicom(FILM, InstanceNumber=number)
        for number, word in enumerate(said)
    ]
    source = decode(files).source
    assert (source.burned_in_annotation, source.recognizable_visual_features) == (found, found)


VALID_AGE = re.compile(r"\d{3}[DWMY]")  # PS3.5 6.2; pydicom warns of any other


@pytest.mark.parametrize(
    ("age", "years"),
    [
        *(("045Y", 45), ("6Y", 6), ("018M", 1.5), ("010D", 10 / 365.25), ("052W", 364 / 365.25), ("?", None)),
        *(("012y", 12), ("12", 12), ("012", 12), ("0", None), ("1200", None), ("12X", None)),
    ],
)
def test_an_age_is_told_in_years(age: str, years: float | None) -> None:
    with pytest.warns(UserWarning, match="VR AS") if not VALID_AGE.fullmatch(age) else contextlib.nullcontext():
        content = dicom(FILM, PatientAge=age)
    assert decode([content]).source.patient_age_years == (None if years is None else pytest.approx(years))


@pytest.mark.parametrize(
    ("told", "years"),
    [
        ({"PatientBirthDate": "20100301", "StudyDate": "20250301"}, 15.0),
        ({"PatientBirthDate": "20100301", "AcquisitionDate": "20110301"}, 1.0),
        ({"PatientAge": "040Y", "PatientBirthDate": "20100301", "StudyDate": "20250301"}, 40.0),
        ({"PatientBirthDate": "20100301"}, None),
        ({"PatientBirthDate": "20160309", "StudyDate": "20160309"}, None),
        ({"PatientBirthDate": "20260309", "StudyDate": "20160309"}, None),
        ({"PatientBirthDate": "18000101", "StudyDate": "20160309"}, None),
        ({"PatientAge": "000Y"}, None),
        ({"PatientAge": "003D"}, 3 / 365.25),
    ],
)
def test_an_age_that_is_not_told_follows_from_the_dates_and_what_anonymising_leaves_is_none(
    told: dict[str, Any], years: float | None
) -> None:
    image = decode([dicom(FILM, **told)])
    assert image.source.patient_age_years == (None if years is None else pytest.approx(years, abs=0.01))
    assert not any(date in repr(image) for date in told.values() if len(date) == 8)


@pytest.mark.parametrize("born", ["20109999", "2010.0301", "2010.03.32", "1.3.2010"])
def test_a_birth_date_that_is_none_tells_no_age(born: str) -> None:
    with pytest.warns(UserWarning, match="VR DA"):
        content = dicom(FILM, PatientBirthDate=born, StudyDate="20250301")
    assert decode([content]).source.patient_age_years is None


@pytest.mark.parametrize("born", ["2020.03.01", "2020-03-01"])
def test_a_birth_date_may_be_written_as_of_old_and_goes_no_further(born: str) -> None:
    with pytest.warns(UserWarning, match="VR DA"):
        content = dicom(FILM, PatientBirthDate=born, StudyDate="20250301")
    image = decode([content])
    assert image.source.patient_age_years == pytest.approx(5.0, abs=0.01)
    assert "2020" not in repr(image)


def test_what_tells_the_sequence_of_an_mr_is_kept() -> None:
    told = decode(
        [
            dicom(
                FILM.astype(np.uint16),
                SOPClassUID=MR,
                Modality="MR",
                ImageType=["ORIGINAL", "PRIMARY", "M"],
                ScanningSequence=["SE", "IR"],
                AcquisitionContrast="T1",
                EchoTime="12.5",
                InversionTime="900",
                ContrastBolusAgent="GADOVIST",
            )
        ]
    ).source
    assert (told.image_type, told.scanning_sequence) == ("ORIGINAL\\PRIMARY\\M", "SE\\IR")
    assert (told.acquisition_contrast, told.echo_time_ms, told.inversion_time_ms) == ("T1", 12.5, 900.0)
    assert told.contrast_given is True
    assert "GADOVIST" not in repr(told)


@pytest.mark.parametrize(
    ("elements", "given"),
    [
        ({}, None),
        ({"ContrastBolusAgent": ""}, None),
        ({"ContrastBolusAgent": "None"}, False),
        ({"ContrastBolusAgent": "Iopamidol"}, True),
        ({"ContrastBolusAgent": ["NONE", "OMNIPAQUE"]}, True),
        ({"ContrastBolusAgentSequence": [Dataset()]}, True),
        ({"ContrastBolusAgentSequence": []}, None),
    ],
)
def test_whether_contrast_was_given_is_told_where_it_is_stated(elements: dict[str, Any], given: bool | None) -> None:
    assert decode([dicom(FILM, **elements)]).source.contrast_given is given


NO_AGENT = (
    *("WITHOUT CONTRAST", "W/O CONTRAST", "non-contrast", "no IV contrast", "NO I.V. CONTRAST", "NATIV", "NIL"),
    *("OHNE KM", "None given", "0", "0 ml", "0.0", "-", "--", "SIN CONTRASTE", "sans produit de contraste", "NO", "N"),
)
AGENTS = (
    *("OMNIPAQUE", "OMNIPAQUE 300", "GADOVIST", "CONTRAST", "IV CONTRAST", "100", "0.1 ML", "YES", "+", "CONTRAST +"),
    *("NON-IONIC", "WITH AND WITHOUT CONTRAST", "W/WO CONTRAST", "NO ORAL CONTRAST", "OMNIPAQUE, NO REACTION"),
)


@pytest.mark.parametrize(
    ("agent", "given"),
    [
        *((agent, False) for agent in NO_AGENT),
        *((agent, True) for agent in AGENTS),
        *((agent, None) for agent in ("?", "*", "N/A", "UNKNOWN")),
    ],
)
def test_words_that_deny_a_contrast_agent_name_none(agent: str, given: bool | None) -> None:
    image = decode([dicom(FILM, ContrastBolusAgent=agent)])
    assert image.source.contrast_given is given
    assert len(agent) < 8 or agent not in repr(image)


def coded(value: str, meaning: str, scheme: str = "SCT") -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


@pytest.mark.parametrize(
    ("elements", "told"),
    [
        ({"AnatomicRegionSequence": coded("816094009", "Brustkorb")}, "CHEST"),
        ({"AnatomicRegionSequence": coded("T-D1100", "Head", "SRT")}, "HEAD"),
        ({"AnatomicRegionSequence": coded("122495006", "Thoracic spine")}, "Thoracic spine"),
        ({"AnatomicRegionSequence": coded("816094009", "Chest"), "BodyPartExamined": "KNEE"}, "KNEE"),
        ({"AnatomicRegionSequence": []}, None),
        ({"AnatomicRegionSequence": [Dataset()]}, None),
    ],
)
def test_a_region_in_code_tells_the_body_part_where_none_is_named(elements: dict[str, Any], told: str | None) -> None:
    assert decode([dicom(FILM, **elements)]).source.body_part_examined == told


@pytest.mark.parametrize(
    ("elements", "told"),
    [
        ({"ViewCodeSequence": coded("399067008", "seitlich")}, "LATERAL"),
        ({"ViewCodeSequence": coded("R-10236", "left lateral", "SRT")}, "LEFT LATERAL"),
        ({"ViewCodeSequence": coded("399182000", "oblique")}, "oblique"),
        ({"ViewCodeSequence": coded("399067008", "lateral"), "ViewPosition": "PA"}, "PA"),
        ({"ViewCodeSequence": []}, None),
        ({}, None),
    ],
)
def test_a_view_in_code_is_told_where_none_is_named(elements: dict[str, Any], told: str | None) -> None:
    assert view(dicom_dataset(FILM, **elements)) == told


def test_the_distance_at_the_patient_goes_before_that_at_the_detector() -> None:
    assert decode([dicom(FILM, PixelSpacing=[0.1, 0.2], ImagerPixelSpacing=[0.3, 0.4])]).spacing_mm == (0.1, 0.2)
    assert decode([dicom(FILM, PixelSpacing=[0, 0.2])]).spacing_mm is None


def test_directions_that_are_none_are_left_out() -> None:
    assert decode([dicom(FILM, ImageOrientationPatient=[1, 0, 0, 1, 0, 0])]).orientation is None


def test_a_warning_about_a_value_does_not_quote_it() -> None:
    content = dicom(FILM, SeriesInstanceUID="1.2.3").replace(b"1.2.3\0", b"DOE^JA")
    source = decode([content]).source
    assert "Invalid value for VR UI: (a value)" in source.warnings[0]
    assert "DOE" not in repr(source)


@pytest.mark.parametrize("behind", ["pixels", "header"])
def test_which_file_of_a_series_is_cut_off_is_told(behind: str) -> None:
    files = [slice_file(number, (0, 0, number)) for number in range(5)]
    files[3] = files[3][: -100 if behind == "pixels" else 400]
    with pytest.raises(UnreadableImage, match=r"^File 4 of 5 of the series cannot be read\. The .* incomplete"):
        decode(files, EVERY)


def test_a_file_by_itself_is_not_counted() -> None:
    with pytest.raises(UnreadableImage, match=r"^The file is incomplete"):
        decode([slice_file(0, (0, 0, 0))[:-100]])


def test_a_file_too_large_among_others_keeps_its_code() -> None:
    with pytest.raises(UnreadableImage, match=r"^File 2 of 2 .* at most 4000 frames") as caught:
        decode([slice_file(0, (0, 0, 0)), slice_file(1, (0, 0, 1), NumberOfFrames=4001)])
    assert caught.value.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize("missing", ["Rows", "Columns", "BitsAllocated", "PixelData"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(UnreadableImage, match="holds no image" if missing == "PixelData" else "not state|too small"):
        decode([dicom(FILM, **{missing: None})])


def test_a_file_without_preamble_or_transfer_syntax_is_read() -> None:
    content = dicom(FILM)
    bare = content[content.index(b"\x08\x00\x16\x00UI") :]
    np.testing.assert_array_equal(decode([bare]).pixels, decode([content]).pixels)


def test_overlays_in_their_own_elements_are_not_burnt_in() -> None:
    with_overlay = dicom_dataset(FILM)
    with_overlay.add_new(0x60003000, "OW", b"\xff" * (FILM.size // 8 + 1))
    stream = io.BytesIO()
    with_overlay.save_as(stream, enforce_file_format=True)
    np.testing.assert_array_equal(decode([stream.getvalue()]).pixels, decode([dicom(FILM)]).pixels)


@needs_shared_data
def test_a_real_ct_with_gantry_tilt_is_ordered_from_foot_to_head() -> None:
    paths = sorted((SHARED / "dicom" / "ct-head-ge").glob("*.dcm"))
    image = decode([path.read_bytes() for path in reversed(paths)], EVERY)
    heights = {}
    for path in paths:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        heights[str(header.SOPInstanceUID)] = float(header.ImagePositionPatient[2])
    ordered = [heights[uid] for uid in image.source.sop_instance_uids]
    assert (image.unit, image.slice_count, ordered) == (Unit.HOUNSFIELD, 28, sorted(ordered))
    # Air around the head and brain in it.
    assert image.pixels.min() < -1000
    assert 0 < np.median(image.pixels[14, 200:312, 200:312]) < 60


def test_an_enhanced_file_of_a_package_is_rescaled_frame_by_frame() -> None:
    with open(str(get_testdata_file("eCT_Supplemental.dcm")), "rb") as stream:
        content = stream.read()
    dataset = pydicom.dcmread(io.BytesIO(content))
    image = decode([content], EVERY)
    expected: dict[float, NDArray[np.float64]] = {}  # by height
    for frame, groups in zip(dataset.pixel_array, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        place = groups if "PixelValueTransformationSequence" in groups else dataset.SharedFunctionalGroupsSequence[0]
        rescale = place.PixelValueTransformationSequence[0]
        height = float(groups.PlanePositionSequence[0].ImagePositionPatient[2])
        expected[height] = frame * float(rescale.RescaleSlope) + float(rescale.RescaleIntercept)
    assert image.unit is Unit.HOUNSFIELD
    np.testing.assert_array_equal(image.pixels, [expected[height] for height in sorted(expected)])
