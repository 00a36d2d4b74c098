"""From files to batches: the arrays of serving, a cache that notices change, draws that are balanced."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError
from radiolens.imaging.preprocess import Fit, Preprocessing, grey_levels, network_input
from radiolens.imaging.read import decode
from radiolens.imaging.untrusted import read_untrusted
from radiolens.training.config import source_and_label
from radiolens.training.losses import targets
from radiolens.training.pipeline import EpochDraw, Lesions, cached_grey_levels, draw_indices, read_grey_levels
from tests.training.tiny_experiment import EXPERIMENT

SIZE = EXPERIMENT.preprocessing


@pytest.fixture
def own(collection: Manifest, tmp_path: Path) -> Manifest:
    """Return the first four cases of the collection in a folder of their own, which a test may change."""
    cases = collection.cases[:4]
    for case in cases:
        shutil.copy2(collection.path(case), tmp_path / case.path)
    return Manifest(tmp_path / "manifest.csv", collection.task, cases)


@pytest.mark.parametrize("preprocessing", [SIZE, Preprocessing(48, 40, fit=Fit.PAD, percentiles=(1.0, 99.0))])
def test_training_and_serving_see_the_same_array(preprocessing: Preprocessing, collection: Manifest) -> None:
    file = collection.path(collection.cases[3])
    served = read_untrusted([file.read_bytes()])
    np.testing.assert_array_equal(
        read_grey_levels(file, preprocessing), grey_levels(served.pixels[0], served.unit, preprocessing)
    )
    np.testing.assert_array_equal(decode([file.read_bytes()]).pixels, served.pixels)


def test_the_cache_holds_what_reading_gives_and_reads_once(own: Manifest) -> None:
    told: list[tuple[int, int]] = []
    cache = own.file.parent / "cache"
    first = cached_grey_levels(own, own.cases, SIZE, cache, lambda *step: told.append(step))
    for row, case in zip(first, own.cases, strict=True):
        np.testing.assert_array_equal(row, read_grey_levels(own.path(case), SIZE))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    np.testing.assert_array_equal(
        cached_grey_levels(own, own.cases, SIZE, cache, lambda *step: told.append(step)), first
    )
    assert len(told) == 4
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_a_changed_image_of_the_same_size_is_read_again(own: Manifest) -> None:
    cache = own.file.parent / "cache"
    before = np.array(cached_grey_levels(own, own.cases, SIZE, cache))
    first, second = (own.path(case) for case in own.cases[:2])
    content = second.read_bytes()
    padding = max(first.stat().st_size, len(content)) - len(content)
    first.write_bytes(content + bytes(padding))  # PNG readers stop at the last chunk
    os.utime(first, ns=(1, 1))
    after = cached_grey_levels(own, own.cases, SIZE, cache)
    assert not np.array_equal(before[0], after[0])
    np.testing.assert_array_equal(after[0], after[1])


def test_pictures_of_another_folder_or_put_in_place_of_others_are_read_again(own: Manifest, tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    shutil.copytree(own.file.parent, other, ignore=shutil.ignore_patterns("cache", "other"))
    before = np.array(cached_grey_levels(own, own.cases, SIZE, cache))
    there = replace(own, file=other / own.file.name)
    for manifest in (there, own):
        files = [manifest.path(case) for case in own.cases[:2]]
        largest, times = max(file.stat().st_size for file in files), files[0].stat()
        for file in files:  # of one size and time in all folders
            file.write_bytes(files[1].read_bytes().ljust(largest, bytes(1)))
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        after = cached_grey_levels(manifest, own.cases, SIZE, cache)
        np.testing.assert_array_equal(after[0], after[1])
        assert not np.array_equal(after[0], before[0])


def test_an_image_that_is_not_the_one_of_the_manifest_is_named(own: Manifest) -> None:
    cases = tuple(replace(case, sha256=hashlib.sha256(own.path(case).read_bytes()).hexdigest()) for case in own.cases)
    assert len(cached_grey_levels(own, cases, SIZE, own.file.parent / "cache")) == 4
    shutil.copyfile(own.path(cases[0]), own.path(cases[2]))
    with pytest.raises(DatasetError, match=r"2\.png: the manifest expects SHA-256 .*Restore the image"):
        cached_grey_levels(own, cases, SIZE, own.file.parent / "cache")


def test_a_cut_reading_leaves_nothing_that_looks_finished(own: Manifest) -> None:
    cache = own.file.parent / "cache"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_grey_levels(own, own.cases, SIZE, cache, stop)
    assert not list(cache.glob("*.npy"))
    assert len(cached_grey_levels(own, own.cases, SIZE, cache)) == 4


@pytest.mark.parametrize("length", [0, 60, 200])
def test_a_cache_that_was_cut_off_is_made_anew(own: Manifest, length: int) -> None:
    cache = own.file.parent / "cache"
    before = np.array(cached_grey_levels(own, own.cases, SIZE, cache))
    (file,) = cache.glob("*.npy")
    file.write_bytes(file.read_bytes()[:length])
    np.testing.assert_array_equal(cached_grey_levels(own, own.cases, SIZE, cache), before)


def test_a_file_that_is_missing_or_no_image_is_named(own: Manifest) -> None:
    file = own.path(own.cases[2])
    file.write_bytes(b"no image at all")
    with pytest.raises(DatasetError, match=r"2\.png: .*Take it out of the manifest"):
        cached_grey_levels(own, own.cases, SIZE, own.file.parent / "cache")
    file.unlink()
    with pytest.raises(DatasetError, match=r"names a file that cannot be read: .*2\.png"):
        cached_grey_levels(own, own.cases, SIZE, own.file.parent / "cache")


def test_groups_are_drawn_equally_often_and_none_twice_before_all_once() -> None:
    cases = [Case(str(number), "big" if number < 90 else "small") for number in range(100)]
    drawn = draw_indices(cases, source_and_label, 60, np.random.default_rng(0))
    counts = Counter(drawn.tolist())
    assert sum(cases[index].source == "small" for index in drawn) == 30
    assert max(counts[index] for index in range(90)) == 1
    assert all(counts[index] == 3 for index in range(90, 100))


def test_an_epoch_is_the_same_each_time_and_another_one_another(collection: Manifest) -> None:
    wanted = targets(collection.cases, collection.task)
    grey = np.random.default_rng(0).integers(0, 256, (len(collection.cases), 32, 32), np.uint8)
    draws = [EpochDraw(EXPERIMENT, epoch, collection.cases, grey, wanted) for epoch in (0, 0, 1)]
    assert [len(draw) for draw in draws] == [4, 4, 4]
    (images, labels), (again, _), (other, _) = (draw[2] for draw in draws)
    np.testing.assert_array_equal(images, again)
    assert not np.array_equal(images, other)
    assert images.shape == (8, 32, 32, 1)
    assert images.dtype == np.float32
    assert labels.shape == (8, 2)
    black, white = (network_input(np.full((1, 1, 1), level, np.uint8), SIZE).item() for level in (0, 255))
    assert black <= images.min() <= images.max() <= white


def test_the_first_batch_is_changed_by_other_numbers_than_those_that_drew_the_cases(collection: Manifest) -> None:
    seeds: list[tuple[int, ...]] = []

    def noted(seed: Sequence[int]) -> np.random.Generator:
        seeds.append(tuple(np.random.SeedSequence(seed).generate_state(4)))
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed)))

    grey = np.zeros((len(collection.cases), 32, 32), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "default_rng", noted)
        draw = EpochDraw(EXPERIMENT, 0, collection.cases, grey, targets(collection.cases, collection.task))
        for batch in range(len(draw)):
            draw[batch]
    assert len(set(seeds)) == len(seeds) == 1 + len(draw)


def test_an_epoch_keeps_images_and_targets_together(collection: Manifest) -> None:
    calm = replace(EXPERIMENT, augmentation=replace(EXPERIMENT.augmentation, smallest_crop=1.0, rotation_degrees=0.0))
    wanted = np.arange(len(collection.cases), dtype=np.float32)[:, np.newaxis]
    grey = np.broadcast_to(
        np.arange(len(collection.cases), dtype=np.uint8)[:, np.newaxis, np.newaxis] * 5, (48, 32, 32)
    )
    draw = EpochDraw(calm, 0, collection.cases, grey, wanted)
    levels = np.concatenate([np.median(images, axis=(1, 2, 3)) for images, _ in (draw[index] for index in range(4))])
    numbers = np.concatenate([labels[:, 0] for _, labels in (draw[index] for index in range(4))])
    assert np.corrcoef(levels, numbers)[0, 1] > 0.8  # exposure is changed at random, the order remains


def test_a_lesion_is_told_by_the_places_it_covers(collection: Manifest, tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[:4, 8:24] = 255  # 8 pixels a place: half of its height, in the second and the third place of the first row
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    ill = replace(collection.cases[0], labels={"pneumonia": 0, "tuberculosis": 1}, mask="mask.png")
    two = replace(ill, labels={"pneumonia": 1, "tuberculosis": 1})
    cv2.imwrite(str(tmp_path / ill.path), mask)
    manifest = replace(collection, file=tmp_path / "manifest.csv", cases=(ill, two, replace(ill, mask="")))
    lesions = Lesions.read(manifest, manifest.cases, SIZE, (4, 4))
    assert list(lesions.masks) == [0]  # of two findings it is not said which one the mask shows
    label, found = lesions.masks[0]
    assert manifest.task.label_names[label] == "tuberculosis"
    expected = np.zeros((4, 4), np.float32)
    expected[0, 1:3] = 0.5
    np.testing.assert_allclose(lesions.places(found), expected)
    assert not lesions.places(np.zeros((32, 32), np.uint8)).any()


@pytest.mark.parametrize("with_lesions", [False, True])
def test_a_draw_mixes_styles_within_a_batch_and_leaves_what_is_wanted(collection: Manifest, with_lesions: bool) -> None:
    styled = replace(EXPERIMENT, augmentation=replace(EXPERIMENT.augmentation, style_probability=1.0))
    wanted = targets(collection.cases, collection.task)
    grey = np.random.default_rng(0).integers(0, 256, (len(collection.cases), 32, 32), np.uint8)
    lesions = Lesions((4, 4), {0: (1, np.full((32, 32), 255, np.uint8))}) if with_lesions else None
    draws = [EpochDraw(entry, 0, collection.cases, grey, wanted, lesions) for entry in (styled, EXPERIMENT)]
    (mixed, told), (plain, expected) = (draw[1] for draw in draws)
    assert mixed.shape == plain.shape
    assert not np.array_equal(mixed, plain)
    for found, want in zip(told, expected, strict=True):
        np.testing.assert_array_equal(found, want)


def test_a_draw_with_lesions_gives_maps_that_follow_the_pictures(collection: Manifest) -> None:
    wanted = targets(collection.cases, collection.task)
    grey = np.random.default_rng(0).integers(0, 256, (len(collection.cases), 32, 32), np.uint8)
    mask = np.full((32, 32), 255, np.uint8)
    lesions = Lesions((4, 4), dict.fromkeys(range(0, len(grey), 2), (1, mask)))
    draw = EpochDraw(EXPERIMENT, 0, collection.cases, grey, wanted, lesions)
    plain = EpochDraw(EXPERIMENT, 0, collection.cases, grey, wanted)
    for batch in range(len(draw)):
        images, (labels, places) = draw[batch]
        np.testing.assert_array_equal(images, plain[batch][0])
        np.testing.assert_array_equal(labels, plain[batch][1])
        assert places.shape == (8, 4, 4, 2)
        assert not places[..., 0].any()
        assert set(np.rint(places[..., 1].sum(axis=(1, 2)))) <= {0.0, 1.0}
