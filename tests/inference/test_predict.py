"""From image to prediction, with a real, tiny bundle whose answers numpy can tell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from radiolens.bundle import read_bundle, write_bundle
from radiolens.errors import BundleError, UnknownBundle, UnknownTask, UnreadableImage
from radiolens.evaluation.link import probabilities
from radiolens.image import Image, Source, Unit
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.inference.engine import Engine
from radiolens.inference.predict import Predictor
from radiolens.inference.shelf import Shelf
from radiolens.profile import Profile
from radiolens.quality import ProblemCode
from tests.phantoms import chest_film, dicom, head_picture
from tests.tiny_bundle import SIDE, make_bundle, make_imported


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


def head() -> Image:
    return Image(head_picture()[None], Unit.UNIT_INTERVAL, Source("png"))


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
        found = predictor.predict_image(head(), "brain-ct", gate=gate)
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


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Return a predictor with released and imported bundles, among them one for a task without a released one."""
    place = tmp_path_factory.mktemp("imported")
    make_bundle(place)
    make_bundle(place, "brain-mri", seed=2)
    make_imported(place)
    make_imported(place, "Tuberculosis_model", "chest-xray", ["tuberculosis"], (64, 64, 3), seed=1)
    make_imported(place, "head", "brain-ct", ["haemorrhage"], (50, 30, 1))
    return Predictor.open([place])


def test_a_bundle_answers_where_it_is_named_and_the_default_where_not(imported: Predictor) -> None:
    named = imported.predict_image(film(), "chest-xray", bundle="Tuberculosis_model")
    assert named.bundle
    assert (named.task, named.bundle.name, named.bundle.calibrated) == ("chest-xray", "Tuberculosis_model", False)
    assert [finding.label for finding in named.findings] == ["tuberculosis"]
    default = imported.predict_image(film(), "chest-xray")
    assert default.bundle
    assert (default.bundle.name, default.bundle.calibrated) == ("chest-xray", True)


def test_the_labels_of_an_imported_network_are_joined_by_name_in_its_own_order(imported: Predictor) -> None:
    found = imported.predict_image(volume(1), bundle="braintumor")
    assert [finding.label for finding in found.findings] == ["glioma", "meningioma", "no_tumour", "pituitary"]
    engine = imported.engine("brain-mri", "braintumor")
    grey = grey_levels(volume(1).pixels[0], Unit.ARBITRARY, engine.bundle.preprocessing)
    (expected,) = probabilities(engine.logits(grey[None]), 1.0, exclusive=True)
    assert [finding.probability for finding in found.findings] == expected.tolist()
    assert sum(expected) == pytest.approx(1)


def test_a_named_bundle_chooses_the_task_and_its_gate(imported: Predictor) -> None:
    found = imported.predict([dicom((chest_film(90, 80) * 4000).astype(np.uint16), Modality="DX")], bundle="braintumor")
    assert found.task == "brain-mri"
    assert [problem.code for problem in found.quality.problems] == [ProblemCode.WRONG_MODALITY]
    assert imported.predict_image(film(), bundle="braintumor", gate=False).answered


def test_an_imported_network_is_explained_by_an_occlusion_map_of_the_driving_slice(imported: Predictor) -> None:
    image = volume(4, first=3)
    engine = imported.engine("brain-mri", "braintumor")
    engine.__dict__["seconds_per_image"] = 0.001  # a busy machine gets a coarser map
    found = imported.predict_image(image, "brain-mri", bundle="braintumor")
    assert found.explanation
    assert found.explanation.method == "occlusion-map"
    assert {values.shape for values in found.explanation.maps.values()} == {(10, 10)}
    position = found.explanation.slice_index - 3
    alone = Image(image.pixels[position][None], image.unit, image.source)
    expected = imported.predict_image(alone, "brain-mri", bundle="braintumor").explanation
    assert expected
    for label, values in found.explanation.maps.items():
        np.testing.assert_allclose(values, expected.maps[label], atol=1e-5)


def test_a_bundle_that_does_not_answer_what_is_asked_is_told_before_anything_is_read(imported: Predictor) -> None:
    with pytest.raises(UnknownBundle, match="no bundle 'none'"):
        imported.predict([b"no image"], bundle="none")
    with pytest.raises(UnknownBundle, match="answers brain-mri, not chest-xray"):
        imported.predict([b"no image"], "chest-xray", bundle="braintumor")
    with pytest.raises(UnknownTask, match="Unknown task 'knee'"):
        imported.predict([b"no image"], "knee", bundle="braintumor")


def test_a_task_with_imported_bundles_alone_is_refused_with_their_names_and_answered_by_name(
    imported: Predictor,
) -> None:
    refused = imported.predict_image(head(), "brain-ct")
    assert "These answer it where they are named: head." in refused.quality.problems[0].message
    assert imported.predict_image(head(), "brain-ct", bundle="head").answered
    assert "brain-ct" not in imported.tasks


def test_a_profile_decides_on_an_imported_bundle_too(imported: Predictor) -> None:
    sha256 = imported.shelf.installed.get("Tuberculosis_model").sha256
    planned = imported.with_profile(Profile("clinic", sha256, {"tuberculosis": 0.03}, "planned here"))
    ask = {"task": "chest-xray", "explain": False}
    assert planned.predict_image(film(), bundle="Tuberculosis_model", **ask).findings[0].threshold == 0.03
    assert planned.predict_image(film(), **ask).finding("tuberculosis").threshold == 0.5
    assert imported.predict_image(film(), bundle="Tuberculosis_model", **ask).findings[0].threshold == 0.5


def test_a_profile_of_a_bundle_that_cannot_be_opened_does_not_fall_on_the_version_before_it(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    newer = make_bundle(tmp_path, version="0.1.0", seed=1)
    profile = Profile("clinic", read_bundle(newer).sha256, {"pneumonia": 0.1}, "x")
    (newer / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(BundleError, match=r"which is not installed\. Plan the thresholds anew"):
        Predictor.open([tmp_path], profiles=[profile])


def test_a_network_that_gives_no_number_is_an_error_and_no_answer(tmp_path: Path) -> None:
    folder = make_imported(tmp_path)
    network = onnx.load(folder / "model.onnx")
    network.graph.node.insert(0, helper.make_node("Log", ["image"], ["logged"]))
    network.graph.node[1].input[0] = "logged"
    onnx.save(network, folder / "model.onnx")
    np.savez(folder / "golden.npz", grey=np.zeros((0, SIDE, SIDE), np.uint8), probabilities=np.zeros((0, 4)))
    write_bundle(read_bundle(folder, verify=False).bundle, folder)
    black = Image(np.zeros((1, 80, 80), np.float32), Unit.UNIT_INTERVAL, Source("png"))
    with pytest.raises(BundleError, match=r"braintumor 0\.0\.1 gives no number for this image"):
        Predictor.open([tmp_path]).predict_image(black, bundle="braintumor", gate=False)


def test_threads_ask_different_bundles_at_once_and_get_the_answers_of_each_alone(imported: Predictor) -> None:
    asked = [("chest-xray", None), ("chest-xray", "Tuberculosis_model"), ("brain-mri", "braintumor")] * 8
    alone = [imported.predict_image(film(), task, bundle=name).findings for task, name in asked[:3]]
    shared = Predictor(Shelf(imported.shelf.installed))  # opened by the threads themselves
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda pair: shared.predict_image(film(), pair[0], bundle=pair[1]).findings, asked))
    assert found == alone * 8


def test_a_task_whose_only_bundle_is_broken_is_an_error_with_its_reason_and_the_others_answer(tmp_path: Path) -> None:
    (make_bundle(tmp_path) / "model.onnx").write_bytes(b"damaged")
    make_bundle(tmp_path, "brain-mri")
    predictor = Predictor.open([tmp_path])
    for _ in range(2):
        with pytest.raises(BundleError, match=r"The bundle chest-xray 0\.0\.1 cannot be used\. .*another SHA-256"):
            predictor.predict_image(film(), "chest-xray")
    assert predictor.predict_image(film(), "brain-mri").answered
    assert predictor.tasks == ("brain-mri",)
