from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.case import Manifest
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.training.config import Experiment
from radiolens.training.harmonise import equalised
from radiolens.training.variant import Variant
from radiolens.training.variants import PLAIN, load_variant
from radiolens.validation.variants.compare import Compared, compare
from radiolens.validation.variants.pictures import Pictures, features, picture, read_pictures
from radiolens.validation.variants.sample import draw_sample
from radiolens.validation.variants.scores import VariantScores, plain_experiment
from radiolens.validation.variants.trials import trials_of
from tests.validation.variants.hospital_cases import chest_manifest, write_network

CHEST = Experiment(name="x", task="chest-xray")


def read(manifest: Manifest, cache: Path) -> Pictures:
    return read_pictures(draw_sample(manifest, 1000, 0), 0, cache, lambda stage, done, total: None)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("hospitals")
    write_network(folder / "cache" / "efficientnet-lite0-224.onnx")
    return read(chest_manifest(folder, 16), folder / "cache")


@pytest.fixture(scope="module")
def rows(pictures: Pictures) -> list[Compared]:
    return list(compare(pictures, [PLAIN, "mirrored", "group_robust", "implied_absences"]))


def plain_of(rows: list[Compared], row: Compared) -> Compared:
    (found,) = [each for each in rows if (each.variant, each.line, each.unseen) == (PLAIN, row.line, row.unseen)]
    return found


def test_a_picture_that_is_not_harmonised_is_what_serving_computes(pictures: Pictures) -> None:
    image, preprocessing = pictures.images[0], Preprocessing(32, 40)
    served = grey_levels(image.pixels[0], image.unit, preprocessing)
    np.testing.assert_array_equal(picture(image, Variant(PLAIN), preprocessing), served)


def test_a_harmonised_picture_is_changed_before_it_is_resized(pictures: Pictures) -> None:
    image = pictures.images[0]
    own_size = np.rint(image.pixels[0] * 255).astype(np.uint8)  # 0 to 255 is its range, so min-max leaves it
    found = picture(image, Variant("x", harmonise=(equalised,)), Preprocessing(*own_size.shape))
    np.testing.assert_array_equal(found, equalised(own_size))


def test_the_mirror_and_each_copy_are_other_pictures_and_come_out_the_same_again(pictures: Pictures) -> None:
    variant = load_variant("augment_all")
    plain, mirrored, first, second, again = (
        features(pictures, variant, CHEST, copy=copy, mirror=mirror)
        for copy, mirror in ((0, False), (0, True), (1, False), (2, False), (1, False))
    )
    np.testing.assert_allclose(mirrored, plain, atol=1e-2)  # this network does not tell left from right
    assert np.abs(first - plain).mean() > 0.01
    assert np.abs(first - second).mean() > 0.01
    np.testing.assert_array_equal(first, again)


def test_turned_pictures_are_turned_and_fitted_on(pictures: Pictures) -> None:
    variant = load_variant("quarter_turns")
    four = [features(pictures, variant, CHEST, turns=turns) for turns in range(4)]
    for turned in four[1:]:
        np.testing.assert_allclose(turned, four[0], atol=1e-2)  # this network does not tell up from left
    own, plain = (VariantScores(pictures).of(name) for name in ("quarter_turns", PLAIN))
    assert all(np.nanmax(np.abs(first - second)) > 1e-3 for first, second in zip(own, plain, strict=True))


def test_what_was_read_is_kept_so_that_a_run_goes_on(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    write_network(cache / "efficientnet-lite0-224.onnx")
    pictures = read(chest_manifest(tmp_path, 8), cache)
    before = features(pictures, Variant(PLAIN), CHEST)
    kept = sorted(cache.glob("features-*.npy"))
    assert kept
    changed = [np.load(file) * 0 + 7 for file in kept]
    for file, array in zip(kept, changed, strict=True):
        np.save(file, array)
    assert (features(pictures, Variant(PLAIN), CHEST) == 7).all()
    other = replace(CHEST, preprocessing=replace(CHEST.preprocessing, percentiles=(5.0, 95.0)))
    assert (features(pictures, Variant(PLAIN), other) != 7).any()
    assert before.shape == (len(pictures.images), 6)


def test_a_network_that_cannot_be_exported_is_told(pictures: Pictures) -> None:
    with pytest.raises(DatasetError, match=r"The ImageNet network no-such could not be exported .*Unknown backbone"):
        features(pictures, Variant("x"), replace(CHEST, backbone="no-such"))


def test_an_image_that_is_gone_is_told(tmp_path: Path) -> None:
    manifest = chest_manifest(tmp_path, 4)
    sample = draw_sample(manifest, 1000, 0)
    manifest.path(sample.cases[3]).unlink()
    with pytest.raises(DatasetError, match=sample.cases[3].path):
        read_pictures(sample, 0, tmp_path / "cache", lambda stage, done, total: None)


def test_what_can_be_seen_is_told_with_patients_and_a_control(rows: list[Compared]) -> None:
    for row in (row for row in rows if row.variant == PLAIN):
        assert row.patients < row.cases  # two films of each
        assert row.gain.estimate == 0
        if row.target == 1 and row.line != "tuberculosis against NIH pneumonia":  # which look the same here
            assert row.auroc.estimate > 0.95  # a bright square, which the network cannot miss
            assert row.auroc.low <= row.auroc.estimate <= row.auroc.high
            assert row.control.estimate > 0.5  # the mean brightness is among its features


def test_test_films_and_those_of_an_external_source_are_not_compared(pictures: Pictures) -> None:
    assert {case.split for case in pictures.sample.cases} == {"train", "validation"}
    assert "tbx11k" not in set(pictures.sample.sources)


def test_the_gain_is_against_the_plain_recipe_and_paired(rows: list[Compared]) -> None:
    judged = [row for row in rows if row.target == 1]
    assert len(judged) == 4 * 9
    for row in judged:
        plain = plain_of(rows, row)
        assert row.gain.estimate == pytest.approx(row.auroc.estimate - plain.auroc.estimate)
        assert row.gain.low <= row.gain.estimate <= row.gain.high
        assert row.control == plain.control


def test_near_to_one_half_is_a_gain_where_only_a_hospital_would_show(rows: list[Compared]) -> None:
    (row,) = [row for row in rows if row.target == 0.5 and row.variant == "implied_absences"]
    nearer = abs(plain_of(rows, row).auroc.estimate - 0.5) - abs(row.auroc.estimate - 0.5)
    assert row.gain.estimate == pytest.approx(nearer)
    assert np.isnan(row.gain.low)


def test_masked_answers_are_not_fitted_on_and_assumed_ones_are(pictures: Pictures) -> None:
    scores = {name: VariantScores(pictures).of(name) for name in (PLAIN, "masked_pneumonia", "implied_absences")}
    for number, line in enumerate(trials_of(pictures.sample)):
        same = {
            name: np.array_equal(found[number], scores[PLAIN][number], equal_nan=True) for name, found in scores.items()
        }
        of_pneumonia, of_nih = line.finding == "pneumonia", line.unseen == "tb-collection"
        assert same["masked_pneumonia"] is (not of_pneumonia or of_nih)  # those fits see nothing of the collection
        assert same["implied_absences"] is of_pneumonia


def test_an_ensemble_is_the_mean_of_its_members(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = (VariantScores(pictures).of(name) for name in (PLAIN, "clahe"))
    ensemble = Variant("ensemble", together_with=("clahe",))
    monkeypatch.setattr(
        "radiolens.validation.variants.scores.load_variant",
        lambda name: ensemble if name == "ensemble" else load_variant(name),
    )
    for mean, first, second in zip(VariantScores(pictures).of("ensemble"), own, other, strict=True):
        np.testing.assert_allclose(mean, (first + second) / 2)


def test_the_groups_of_the_mri_recipe_are_kept() -> None:
    assert plain_experiment("brain-mri").group_by is not plain_experiment("chest-xray").group_by


def test_a_variant_that_is_not_known_is_told(pictures: Pictures) -> None:
    with pytest.raises(DatasetError, match="Unknown variant 'nothing'"):
        list(compare(pictures, ["nothing"]))
