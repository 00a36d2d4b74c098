"""What a header may say, and what it may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from radiolens.image import Image, Source, Unit
from radiolens.inference.gate import route
from radiolens.quality import ProblemCode, Quality
from radiolens.safety.intended_use import check_age, check_intended_use, matches_header
from radiolens.tasks import get_task


def image(
    modality: str | None = None,
    part: str | None = None,
    view: str | None = None,
    size: tuple[int, int] = (80, 90),
    **told: Any,  # noqa: ANN401  any fact of the header
) -> Image:
    source = Source("dicom", body_part_examined=part, **told)
    return Image(np.zeros((1, *size), np.float32), Unit.ARBITRARY, source, modality=modality, view=view)


def codes(shown: Image, task: str) -> list[ProblemCode]:
    return [problem.code for problem in check_intended_use(shown, get_task(task)).problems]


@pytest.mark.parametrize("part", ["BRAIN", "HEAD", "SKULL", "HEADNECK", "Head", " brain ", "BRAIN W/O CONTRAST"])
def test_an_mr_of_the_head_is_for_brain_mri_however_the_header_calls_it(part: str) -> None:
    assert codes(image("MR", part), "brain-mri") == []
    assert matches_header(image("MR", part), get_task("brain-mri"))


@pytest.mark.parametrize("part", ["CHEST", "LUNG", "THORAX", "Port Chest", "LUNGS", "CHEST PA"])
@pytest.mark.parametrize("modality", ["CR", "DX"])
def test_a_radiograph_of_the_chest_is_for_chest_xray(modality: str, part: str) -> None:
    assert codes(image(modality, part, "PA"), "chest-xray") == []
    assert route(image(modality, part)) == get_task("chest-xray")


@pytest.mark.parametrize(("reach", "refused"), [(4095, True), (255, False)])
def test_a_ct_of_no_unit_is_refused_unless_it_may_be_a_windowed_picture(reach: float, refused: bool) -> None:
    values = np.linspace(0, reach, 80 * 90, dtype=np.float32).reshape(1, 80, 90)
    shown = Image(values, Unit.ARBITRARY, Source("nifti"))
    assert codes(shown, "brain-ct") == ([ProblemCode.OUTSIDE_INTENDED_USE] if refused else [])
    assert codes(shown, "brain-mri") == []
    assert codes(Image(values, Unit.HOUNSFIELD, Source("dicom"), modality="CT"), "brain-ct") == []


@pytest.mark.parametrize("part", ["SKULL", "HEAD", "BRAIN", "HEADNECK"])
def test_a_ct_of_the_head_is_for_brain_ct(part: str) -> None:
    assert route(image("CT", part)) == get_task("brain-ct")


@pytest.mark.parametrize("part", ["TSPINE", "ABDOMEN", "CLAVICLE", "RIB", "SHOULDER", "NECK", "KNEE", "SKULL"])
def test_another_body_part_is_refused_with_what_was_found_and_expected(part: str) -> None:
    (problem,) = check_intended_use(image("DX", part), get_task("chest-xray")).problems
    assert problem.code is ProblemCode.WRONG_BODY_PART
    assert f"The file says body part {part}; Chest X-ray expects CHEST." in problem.message


@pytest.mark.parametrize(
    ("modality", "task", "parts"),
    [
        (
            "DX",
            "chest-xray",
            "TORAX TÓRAX TORACE PULMON PULMÓN POUMON LUNGEN THX CXR CHESTPA CHESTXRAY PORTCHEST CHEST2",
        ),
        ("MR", "brain-mri", "CRANIUM KOPF SCHAEDEL Schädel CEREBRO CABEZA CRÂNE TÊTE HEADCT SELLA PITUITARY"),
        ("CT", "brain-ct", "CRANIUM KOPF SCHAEDEL Schädel CEREBRO CABEZA CRÂNE TÊTE HEADCT"),
    ],
)
def test_a_body_part_may_be_named_in_another_language_or_glued_to_the_view(
    modality: str, task: str, parts: str
) -> None:
    named = [image(modality, part, "PA") for part in parts.split()]
    assert [shown for shown in named if codes(shown, task) or not matches_header(shown, get_task(task))] == []


@pytest.mark.parametrize(
    ("modality", "task", "part"),
    [
        ("DX", "chest-xray", "THORAXWIRBELSAEULE"),
        ("DX", "chest-xray", "THORACIC SPINE"),
        ("DX", "chest-xray", "RIBS"),
        ("MR", "brain-mri", "FOREHEAD"),
        ("CT", "brain-ct", "PITUITARY"),
    ],
)
def test_a_part_that_only_holds_the_name_of_another_is_refused(modality: str, task: str, part: str) -> None:
    assert codes(image(modality, part), task) == [ProblemCode.WRONG_BODY_PART]


@pytest.mark.parametrize("part", [None, "", "UNKNOWN", "n/a", "Other", "MISC", "*", "?", "--", "0", "NEURO"])
@pytest.mark.parametrize("modality", [None, "OT", "SC"])
def test_a_header_that_says_nothing_is_not_held_against_an_image(modality: str | None, part: str | None) -> None:
    assert codes(image(modality, part), "chest-xray") == codes(image(modality, part), "brain-mri") == []
    assert not matches_header(image(modality, part), get_task("chest-xray"))


@pytest.mark.parametrize(("modality", "task"), [("CT", "chest-xray"), ("MR", "chest-xray"), ("CR", "brain-mri")])
def test_another_modality_is_refused(modality: str, task: str) -> None:
    assert codes(image(modality), task) == [ProblemCode.WRONG_MODALITY]


NOT_FRONTAL = (
    *("LATERAL", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAO", "LAT", "L LAT", "R LAT", "L.LAT", "LLAT", "L-L"),
    *("LEFT LATERAL", "left-lateral", "Lateral decubitus", "OBLIQUE", "OBL", "PA OBLIQUE", "DECUBITUS", "LORDOTIC"),
    *("PROFIL", "latero-medial", "MLO"),
)


@pytest.mark.parametrize("view", NOT_FRONTAL)
def test_a_view_that_is_not_frontal_is_refused(view: str) -> None:
    assert codes(image("DX", "CHEST", view), "chest-xray") == [ProblemCode.WRONG_VIEW]


FRONTAL = ("PA", "AP", "ap supine", "POSTERO-ANTERIOR", "ANTEROPOSTERIOR", "A-P", "P-A", "P.A.", "FRONTAL", "FACE")
UNTOLD = (
    "F",
    "SUPINE",
    "ERECT",
    "SITTING",
    "PORTABLE",
    "BEDSIDE",
    "OTHER",
    "UNKNOWN",
    "NONE",
    "?",
    "--",
    "*",
    "",
    None,
)


@pytest.mark.parametrize("view", [*FRONTAL, "PA LAT", "AP LORDOTIC", *UNTOLD])
def test_a_frontal_or_unnamed_view_is_accepted(view: str | None) -> None:
    assert codes(image("DX", "CHEST", view), "chest-xray") == []


def test_the_view_of_a_slice_means_nothing() -> None:
    assert codes(image("MR", "BRAIN", "LL"), "brain-mri") == []


@pytest.mark.parametrize(("size", "expected"), [((64, 64), []), ((63, 500), [ProblemCode.TOO_SMALL])])
def test_too_few_pixels_are_refused(size: tuple[int, int], expected: list[ProblemCode]) -> None:
    assert codes(image(size=size), "chest-xray") == expected


def test_every_reason_is_told() -> None:
    found = codes(image("CT", "KNEE", "LATERAL", (10, 10)), "chest-xray")
    assert found == [
        ProblemCode.WRONG_MODALITY,
        ProblemCode.WRONG_BODY_PART,
        ProblemCode.WRONG_VIEW,
        ProblemCode.TOO_SMALL,
    ]


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (image("MR", "KNEE"), "The file says MR, KNEE, which fits no single study."),
        (image("DX"), "The file says DX, which fits no single study."),
        (image(), "The file does not say what kind of examination it is."),
    ],
)
def test_auto_does_not_guess(shown: Image, told: str) -> None:
    quality = route(shown)
    assert isinstance(quality, Quality)
    (problem,) = quality.problems
    assert problem.code is ProblemCode.TASK_UNDETERMINED
    assert problem.message.startswith(told)
    assert "No gate network looked at the picture itself." in problem.message
    assert "--task chest-xray" in problem.message


def test_a_lateral_film_is_also_known_by_its_description_unless_that_names_both_views() -> None:
    assert codes(image("DX", "CHEST", series_description="Chest LAT"), "chest-xray") == [ProblemCode.WRONG_VIEW]
    assert codes(image("DX", "CHEST", series_description="CHEST PA+LAT"), "chest-xray") == []
    assert codes(image("DX", "CHEST", series_description="THORAX FACE + PROFIL"), "chest-xray") == []
    assert codes(image("DX", "CHEST", "OTHER", series_description="Chest LAT"), "chest-xray") == [
        ProblemCode.WRONG_VIEW
    ]
    assert codes(image("DX", "CHEST", view="PA", series_description="Lateral decubitus"), "chest-xray") == []


def outside(shown: Image, task: str) -> str:
    """Return the message of the one problem, which is that of another use."""
    (problem,) = check_intended_use(shown, get_task(task)).problems
    assert problem.code is ProblemCode.OUTSIDE_INTENDED_USE
    return problem.message


def test_the_raw_film_of_a_detector_is_refused_and_the_processed_one_asked_for() -> None:
    raw = image("DX", "CHEST", presentation_intent_type="FOR PROCESSING")
    assert outside(raw, "chest-xray").endswith("Send the processed film (FOR PRESENTATION) of the same examination.")
    assert codes(image("DX", "CHEST", presentation_intent_type="FOR PRESENTATION"), "chest-xray") == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"series_description": "AX FLAIR"}, "the series is FLAIR"),
        ({"series_description": "t2_tse_tra"}, "the series is T2-weighted"),
        ({"series_description": "T1 SE pre contrast"}, "the series is T1-weighted without contrast"),
        ({"echo_time_ms": 394.0, "inversion_time_ms": 2200.0}, "the series is FLAIR"),
    ],
)
def test_an_mr_of_another_sequence_is_refused_with_what_was_found_and_what_to_send(
    told: dict[str, Any], words: str
) -> None:
    message = outside(image("MR", "BRAIN", **told), "brain-mri")
    assert words in message
    assert "Send the T1-weighted series after contrast" in message


def test_a_localizer_is_refused_of_either_machine() -> None:
    assert "without the overview" in outside(image("MR", "HEAD", series_description="3-plane loc"), "brain-mri")
    assert "without the overview" in outside(image("CT", "HEAD", image_type="ORIGINAL\\PRIMARY\\LOCALIZER"), "brain-ct")


def test_a_t1_after_contrast_or_a_silent_header_is_what_the_network_is_for() -> None:
    assert codes(image("MR", "BRAIN", series_description="AX T1 +C", contrast_given=True), "brain-mri") == []
    assert codes(image("MR", "BRAIN", series_description="Schaedel"), "brain-mri") == []


def test_a_head_ct_with_contrast_is_refused_and_one_that_says_nothing_is_not() -> None:
    message = outside(image("CT", "HEAD", contrast_given=True), "brain-ct")
    assert message.startswith("The file says in Contrast/Bolus Agent that contrast was given;")
    assert "slices without it. Send the series without contrast" in message
    assert codes(image("CT", "HEAD", contrast_given=False), "brain-ct") == codes(image("CT", "HEAD"), "brain-ct") == []


@pytest.mark.parametrize(
    ("age", "expected"), [(None, set()), (14.9, {"tuberculosis"}), (15.0, set()), (0.01, {"tuberculosis"})]
)
def test_a_child_is_too_young_for_single_labels_and_the_image_is_not_refused(
    age: float | None, expected: set[str]
) -> None:
    child, task = image("DX", "CHEST", patient_age_years=age), get_task("chest-xray")
    assert task.labels_below_age(child.source.patient_age_years) == expected
    assert check_intended_use(child, task).accepted
    assert list(check_age(child, task, ("pneumonia", "tuberculosis"))) == []


def test_where_nothing_but_the_label_that_is_not_meant_for_the_age_is_asked_the_image_is_refused() -> None:
    child, task = image("DX", "CHEST", patient_age_years=4.0), get_task("chest-xray")
    (problem,) = check_age(child, task, ("tuberculosis",))
    assert problem.code is ProblemCode.OUTSIDE_INTENDED_USE
    assert problem.message.startswith("The patient is 4 years old; Tuberculosis is meant from 15 on.")
    assert list(check_age(child, task, ())) == []
