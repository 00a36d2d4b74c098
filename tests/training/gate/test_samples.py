import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.sources import LAYOUTS
from radiolens.errors import DatasetError
from radiolens.safety.sight import Kind
from radiolens.training.config import source_and_label
from radiolens.training.gate.composed import COMPOSED
from radiolens.training.gate.drawn import DRAWN
from radiolens.training.gate.recipe import OTHER_FOLDER, training_samples, validation_samples
from radiolens.training.gate.samples import (
    DEFECT_NAMES,
    PREPROCESSING,
    Picture,
    defect_sample,
    drawn_samples,
    genuine_files,
    genuine_pictures,
    genuine_sample,
    other_pictures,
    other_sample,
    plain_sample,
    seen,
    with_defect,
)
from tests.shared_data import SHARED, needs_shared_data

SEEN = (PREPROCESSING.rows, PREPROCESSING.columns)


def picture(kind: Kind = Kind.CHEST_FRONTAL, source: str = "nih") -> Picture:
    y, x = np.mgrid[-1:1:200j, -1:1:160j]
    grey = np.where((x / 0.7) ** 2 + (y / 0.9) ** 2 < 1, 90, 0) + 100 * (np.hypot(x, y + 0.7) < 0.15)
    return Picture(grey.astype(np.uint8), kind, source, "one.png")


def test_what_is_seen_is_what_serving_computes_of_an_eight_bit_picture() -> None:
    grey = picture().grey
    found = seen(grey)
    assert found.shape == SEEN
    assert found.dtype == np.uint8
    assert found.min() == 0
    assert found.max() == 255
    np.testing.assert_array_equal(found[:, :12], 0)  # the aspect ratio stays, so the sides are filled


def test_a_genuine_sample_has_no_defect_and_follows_from_its_seed() -> None:
    first, again, other = (genuine_sample(picture(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.seen, again.seen)
    assert not np.array_equal(first.seen, other.seen)
    assert first.defects == dict.fromkeys(DEFECT_NAMES, False)
    assert (first.kind, first.source, first.family) == (Kind.CHEST_FRONTAL, "nih", "genuine")


@pytest.mark.parametrize("name", ["rotated", "inverted", "cropped", "too_dark", "too_bright"])
def test_a_sample_with_a_defect_says_which(name: str) -> None:
    sample = defect_sample(picture(), np.random.default_rng(0), name)
    assert sample.family == name
    assert sample.defects == {known: known == name for known in DEFECT_NAMES}
    assert sample.kind is Kind.CHEST_FRONTAL


def test_most_drawn_defects_are_those_that_the_network_has_to_find() -> None:
    random = np.random.default_rng(0)
    found = Counter(defect_sample(picture(), random).family for _ in range(300))
    assert set(found) == {"cropped", "too_dark", "too_bright"}  # the others are asked for by name
    assert found["cropped"] > found["too_dark"] + found["too_bright"]


def test_an_inverted_picture_is_dark_where_it_was_bright_whatever_its_exposure() -> None:
    film = picture()
    whole = np.s_[20:-20, 24:-24]  # without what fills the sides, which is black in both
    plain = seen(film.grey)[whole].ravel()
    alike: dict[str, list[float]] = {"genuine": [], "inverted": []}
    for seed in range(40):
        random = np.random.default_rng(seed)
        for sample in (genuine_sample(film, random), defect_sample(film, random, "inverted")):
            alike[sample.family].append(float(np.corrcoef(plain, sample.seen[whole].ravel())[0, 1]))
    assert np.mean(alike["genuine"]) > 0.5
    assert np.mean(alike["inverted"]) < -0.5


@pytest.mark.parametrize(("source", "turns"), [("sich", {1}), ("stroke", {2})])
def test_a_quarter_turn_of_a_head_ct_never_leaves_it_upright_or_on_its_side(source: str, turns: set[int]) -> None:
    # The heads of sich look to the left: one quarter turn counter-clockwise lets them look down.
    head = picture(Kind.BRAIN_CT, source)
    found = set()
    for seed in range(40):
        changed = with_defect(head, "rotated", np.random.default_rng(seed))
        found |= {turn for turn in range(4) if np.array_equal(changed, np.rot90(head.grey, turn))}
    assert found == turns


def test_of_a_picture_of_no_task_no_defect_is_told() -> None:
    sample = other_sample(picture(Kind.OTHER, "natural"), np.random.default_rng(0))
    assert sample.defects == {}
    assert sample.kind is Kind.OTHER
    assert sample.seen.shape == SEEN


def test_every_generator_gives_as_many_pictures_as_asked() -> None:
    samples = list(drawn_samples([picture()], 2, np.random.default_rng(0)))
    assert Counter(sample.family for sample in samples) == dict.fromkeys((*DRAWN, *COMPOSED), 2)
    assert {sample.kind for sample in samples} == {Kind.OTHER}
    assert [sample.family for sample in drawn_samples([picture()], 1, np.random.default_rng(0), ["ecg"])] == ["ecg"]


def test_a_plain_sample_is_the_picture_itself() -> None:
    np.testing.assert_array_equal(plain_sample(picture(), "genuine", {}).seen, seen(picture().grey))


def test_a_folder_without_pictures_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"natural: no pictures\. Give the folder"):
        list(other_pictures(tmp_path))
    for name in ("natural", "chest-ct-figure", "chest-lateral"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.png").write_bytes(b"no picture")
    with pytest.raises(DatasetError, match=r"page\.png"):
        list(other_pictures(tmp_path))


@needs_shared_data
def test_genuine_pictures_are_of_the_asked_splits_and_never_external() -> None:
    largest = dict.fromkeys(("guangzhou", "nih", "figshare", "web", "sich", "stroke", "tb-collection", "tbx11k"), 2)
    split = {f"{task}/{case.path}": case.split for task in LAYOUTS for case in LAYOUTS[task](SHARED / task).cases}
    for asked in ("train", "validation"):
        found = list(genuine_pictures(SHARED, [asked], largest))
        assert {split[entry.name] for entry in found} == {asked}
        assert Counter(entry.source for entry in found) == dict.fromkeys(largest.keys() - {"tbx11k"}, 2)
        assert {entry.kind for entry in found} == {Kind.CHEST_FRONTAL, Kind.BRAIN_MR, Kind.BRAIN_CT}
        assert max(max(entry.grey.shape) for entry in found) <= 384


@needs_shared_data
def test_of_a_source_as_many_are_drawn_of_every_label_as_there_are() -> None:
    files = genuine_files(SHARED, ["train"], {"tb-collection": 300, "web": 5000})
    label = {
        f"{task}/{case.path}": source_and_label(case) for task in LAYOUTS for case in LAYOUTS[task](SHARED / task).cases
    }
    films = Counter(label[file.name] for file in files if file.source == "tb-collection")
    assert sorted(films.values()) == [150, 150]
    split = [case for case in LAYOUTS["brain-mri"](SHARED / "brain-mri").cases if case.source == "web"]
    assert sum(file.source == "web" for file in files) == sum(case.split == "train" for case in split)
    assert files == genuine_files(SHARED, ["train"], {"tb-collection": 300, "web": 5000})
    assert files != genuine_files(SHARED, ["train"], {"tb-collection": 300, "web": 5000}, seed=1)


@needs_shared_data
def test_the_key_of_kept_features_hangs_on_seed_and_contents_of_the_pictures(tmp_path: Path) -> None:
    for task in LAYOUTS:
        (tmp_path / task).symlink_to(SHARED / task)
    shutil.copytree(SHARED / OTHER_FOLDER, tmp_path / OTHER_FOLDER)
    key = validation_samples(SHARED).key
    assert validation_samples(tmp_path).key == key  # wherever they lie
    assert validation_samples(tmp_path, seed=1).key != key
    assert training_samples(tmp_path).key != key
    changed = next((tmp_path / OTHER_FOLDER / "natural").iterdir())
    changed.write_bytes(changed.read_bytes() + b"\0")
    assert validation_samples(tmp_path).key != key


@pytest.mark.slow
@needs_shared_data
def test_as_many_samples_come_as_were_said() -> None:
    planned = validation_samples(SHARED)
    found = Counter(sample.family for sample in planned.samples)
    assert found.total() == planned.count
    assert found["rotated"] == found["inverted"] == found["cropped"] == 7 * 50


@needs_shared_data
def test_pictures_of_no_task_are_those_that_may_train() -> None:
    assert OTHER_FOLDER.name == "train"
    found = list(other_pictures(SHARED / OTHER_FOLDER))
    assert Counter(entry.source for entry in found) == {"natural": 60, "chest-ct-figure": 15, "chest-lateral": 13}
    assert {entry.kind for entry in found if entry.source == "chest-lateral"} == {Kind.CHEST_LATERAL}
