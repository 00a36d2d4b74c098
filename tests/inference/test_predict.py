"""From image to prediction, with a real, tiny bundle whose answers numpy can tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radiolens.bundle import read_bundle
from radiolens.errors import BundleError, UnknownTask, UnreadableImage
from radiolens.evaluation.link import probabilities
from radiolens.image import Image, Source, Unit
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.inference.engine import Engine
from radiolens.inference.predict import Predictor
from radiolens.profile import Profile
from radiolens.quality import ProblemCode
from tests.phantoms import chest_film, dicom
from tests.tiny_bundle import SIDE, make_bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bundles")
    make_bundle(place)
    make_bundle(place, "brain-mri", seed=2)
    return place


@pytest.fixture(scope="module")
def predictor(folder: Path) -> Predictor:
    return Predictor.open([folder])


def volume(slices: int, first: int = 0) -> Image:
    pixels = np.stack([chest_film(90, 80, seed) * (seed + 1) for seed in range(slices)])
    indices = tuple(range(first, first + slices))
    return Image(pixels, Unit.ARBITRARY, Source("nifti"), slice_indices=indices, slice_count=first + slices + 4)


def film() -> Image:
    return Image(chest_film(90, 80)[None], Unit.UNIT_INTERVAL, Source("png"))


def test_the_answer_is_the_calibrated_network_on_the_preprocessed_pixels(folder: Path, predictor: Predictor) -> None:
    engine = Engine.open(folder / "chest-xray" / "0.0.1")
    grey = grey_levels(film().pixels[0], Unit.UNIT_INTERVAL, Preprocessing(SIDE, SIDE))
    (expected,) = probabilities(engine.run(grey[None])[0], 1.5, exclusive=False)
    found = predictor.predict_image(film(), "chest-xray")
    assert [finding.probability for finding in found.findings] == expected.tolist()
    assert found.bundle == engine.installed.identity
    assert found.slices == ()


def test_a_volume_is_the_mean_over_its_selected_slices_named_by_their_place(predictor: Predictor) -> None:
    found = predictor.predict_image(volume(5, first=7), "brain-mri")
    assert [part.index for part in found.slices] == [7, 8, 9, 10, 11]
    each = [[finding.probability for finding in part.findings] for part in found.slices]
    assert [finding.probability for finding in found.findings] == pytest.approx(np.mean(each, axis=0))


def test_one_slice_of_a_volume_is_told_as_a_slice(predictor: Predictor) -> None:
    assert [part.index for part in predictor.predict_image(volume(1, first=3), "brain-mri").slices] == [3]


def test_the_map_is_of_the_slice_that_speaks_most_for_the_leading_label(predictor: Predictor) -> None:
    image = volume(5, first=7)
    found = predictor.predict_image(image, "brain-mri")
    leading = max(found.findings, key=lambda finding: finding.probability).label
    each = [next(entry.probability for entry in part.findings if entry.label == leading) for part in found.slices]
    position = int(np.argmax(each))
    assert found.explanation is not None
    assert found.explanation.slice_index == 7 + position
    alone = Image(image.pixels[position][None], image.unit, image.source)
    expected = predictor.predict_image(alone, "brain-mri").explanation
    assert expected is not None
    np.testing.assert_allclose(found.explanation.maps[leading], expected.maps[leading], atol=1e-5)


def test_without_explanation_there_is_no_map_and_the_same_answer(predictor: Predictor) -> None:
    bare = predictor.predict_image(film(), "chest-xray", explain=False)
    assert bare.explanation is None
    assert bare.findings == predictor.predict_image(film(), "chest-xray").findings


def test_bytes_are_read_and_answered(predictor: Predictor) -> None:
    pixels = (chest_film(90, 80) * 4000).astype(np.uint16)
    found = predictor.predict([dicom(pixels, Modality="DX", BodyPartExamined="CHEST")])
    assert (found.task, found.answered) == ("chest-xray", True)
    assert found.seconds > 0


def test_a_wrong_question_is_told_before_anything_is_read(predictor: Predictor) -> None:
    with pytest.raises(UnknownTask, match="Unknown task 'knee'"):
        predictor.predict([b"no image"], "knee")
    with pytest.raises(ValueError, match="gate=False needs a named task"):
        predictor.predict([b"no image"], gate=False)
    with pytest.raises(UnreadableImage, match="no known image"):
        predictor.predict([b"no image"])


def test_a_task_without_bundle_is_refused_with_its_reasons_even_without_the_gate(predictor: Predictor) -> None:
    for gate in (True, False):
        found = predictor.predict_image(film(), "brain-ct", gate=gate)
        (problem,) = found.quality.problems
        assert problem.code is ProblemCode.UNRELEASED_FINDING
        assert "no adequate public data" in problem.message
    for ask in (predictor.bundle, predictor.engine):
        with pytest.raises(UnknownTask, match="Known tasks: brain-mri, chest-xray"):
            ask("brain-ct")


def test_the_newest_version_of_the_later_folder_answers(folder: Path, tmp_path: Path) -> None:
    make_bundle(tmp_path, seed=5, version="0.10.0")
    found = Predictor.open([folder, tmp_path])
    assert found.bundle("chest-xray").version == "0.10.0"
    assert found.bundle("brain-mri").version == "0.0.1"


def test_a_profile_decides_on_its_bundle_and_several_stand_beside_each_other(folder: Path) -> None:
    chest, mri = (read_bundle(folder / name / "0.0.1").sha256 for name in ("chest-xray", "brain-mri"))
    profiles = [Profile("clinic", chest, {"pneumonia": 0.0}, "x"), Profile("clinic", mri, {"glioma": 0.125}, "y")]
    found = Predictor.open([folder], profiles=profiles)
    assert found.predict_image(film(), "chest-xray").finding("pneumonia").threshold == 0.0
    assert found.predict_image(film(), "chest-xray").finding("tuberculosis").threshold == 0.5
    assert found.predict_image(volume(2), "brain-mri").slices[0].findings[0].threshold == 0.125


def test_a_profile_of_another_bundle_or_label_is_refused_with_what_to_do(folder: Path, predictor: Predictor) -> None:
    with pytest.raises(BundleError, match=r"bundle 000000000000, which is not installed\. Plan the thresholds anew"):
        predictor.with_profile(Profile("clinic", "0" * 64, {}, ""))
    chest = read_bundle(folder / "chest-xray" / "0.0.1").sha256
    with pytest.raises(BundleError, match=r"thresholds for glioma; the labels of chest-xray 0\.0\.1 are pneumonia"):
        predictor.with_profile(Profile("clinic", chest, {"glioma": 0.5}, ""))
