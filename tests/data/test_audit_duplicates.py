from __future__ import annotations

import csv
import io

import cv2
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from radiolens.data.audit.alignment import Flip, flipped, similarity
from radiolens.data.audit.duplicates import SAME_PICTURE, Copies, Match, exact_matches, merged, near_matches
from tests.phantoms import chest_film
from tests.shared_data import SHARED, needs_shared_data

Grey = NDArray[np.uint8]


def film(seed: int) -> Grey:
    """Return a film whose fine structure is its own, as bones and vessels are."""
    rng = np.random.default_rng(seed)
    structure = cv2.GaussianBlur(rng.normal(0, 1, (240, 200)), (0, 0), 3)
    return np.clip(chest_film(seed=seed) * 200 + structure * 120, 0, 255).astype(np.uint8)


def thumbnail(grey: Grey) -> Grey:
    return np.asarray(cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA), np.uint8)


def recompressed(grey: Grey) -> Grey:
    stream = io.BytesIO()
    PIL.Image.fromarray(grey).save(stream, "JPEG", quality=60)
    return np.asarray(PIL.Image.open(stream))


CHANGES = {
    "brightened": lambda grey: np.clip(grey * 1.1, 0, 255).astype(np.uint8),
    "darkened": lambda grey: (grey * 0.9).astype(np.uint8),
    "recompressed": recompressed,
    "cropped in the middle": lambda grey: grey[6:-6, 5:-5],
    "cropped at a corner": lambda grey: grey[: round(0.95 * len(grey)), : round(0.95 * len(grey[0]))],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_the_same_picture(change: str) -> None:
    grey = film(0)
    assert similarity(thumbnail(grey), thumbnail(CHANGES[change](grey))) > SAME_PICTURE


def test_another_film_of_the_same_kind_is_not() -> None:
    assert similarity(thumbnail(film(0)), thumbnail(film(1))) < 0.5


def test_flat_pictures_are_like_nothing() -> None:
    flat = np.full((128, 128), 90, np.uint8)
    assert similarity(flat, flat) == 0.0
    assert similarity(flat, thumbnail(film(0))) == 0.0


def test_a_small_part_is_no_slightly_cropped_copy() -> None:
    grey = film(0)
    assert similarity(thumbnail(grey), thumbnail(grey[:120, :100])) < SAME_PICTURE


@pytest.mark.parametrize("flip", Flip)
def test_a_flip_undoes_itself(flip: Flip, rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (3, 5), np.uint8)
    assert np.array_equal(flipped(flipped(picture, flip), flip), picture)
    assert (flip is Flip.NONE) == np.array_equal(flipped(picture, flip), picture)


def pooled(pictures: list[Grey]) -> NDArray[np.float32]:
    """Return features of pictures as any network might make them: 8 x 8 means."""
    return np.stack([cv2.resize(picture, (8, 8), interpolation=cv2.INTER_AREA).ravel() for picture in pictures]).astype(
        np.float32
    )


def matches_of(pictures: list[Grey]) -> tuple[Match, ...]:
    mirrored = pooled([flipped(picture, Flip.LEFT_RIGHT) for picture in pictures])
    return near_matches(pooled(pictures), mirrored, pictures.__getitem__)


def test_every_changed_copy_is_matched_with_its_original_and_nothing_else() -> None:
    films = [film(seed) for seed in range(12)]
    copies = [change(grey) for change, grey in zip(CHANGES.values(), films, strict=False)]
    found = matches_of([thumbnail(grey) for grey in (*films, *copies)])
    assert {(match.first, match.second, match.flip) for match in found} == {
        (number, 12 + number, Flip.NONE) for number in range(len(CHANGES))
    }
    assert [match.similarity for match in found] == sorted((match.similarity for match in found), reverse=True)


@pytest.mark.parametrize("flip", [flip for flip in Flip if flip is not Flip.NONE])
def test_a_flipped_copy_is_found_and_told(flip: Flip) -> None:
    films = [thumbnail(film(seed)) for seed in range(8)]
    found = matches_of([*films, flipped(films[3], flip)])
    assert [(match.first, match.second, match.flip) for match in found] == [(3, 8, flip)]


def test_one_image_has_no_copies() -> None:
    assert matches_of([thumbnail(film(0))]) == ()


def test_progress_reaches_the_end() -> None:
    pictures = [thumbnail(film(seed)) for seed in range(4)]
    told: list[tuple[int, int]] = []
    near_matches(
        pooled(pictures),
        pooled(pictures),
        pictures.__getitem__,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (4, 4)


def test_an_interruption_ends_the_comparison() -> None:
    pictures = [thumbnail(film(seed)) for seed in range(4)]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        near_matches(pooled(pictures), pooled(pictures), pictures.__getitem__, progress=interrupt)


def test_equal_hashes_match_the_first_of_them() -> None:
    found = exact_matches(["a", "b", "a", "a"], Copies.FILE)
    assert found == (Match(0, 2, Copies.FILE), Match(0, 3, Copies.FILE))


def test_links_join_however_indirectly() -> None:
    assert merged([(4, 1), (1, 2), (5,), (0, 6)], 7) == ((0, 6), (1, 2, 4))
    assert merged([], 3) == ()


@needs_shared_data
@pytest.mark.slow
def test_copies_of_real_slices_are_found_and_distinct_slices_are_not_paired() -> None:
    """A smaller form of benchmarks/audit_duplicates.py, with the features of 8 x 8 means alone."""
    with (SHARED / "brain-mri" / "manifest.csv").open(newline="") as stream:
        paths = [row["path"] for row in csv.DictReader(stream) if row["source"] == "figshare"]
    chosen = np.random.default_rng(0).permutation(len(paths) - 4)[:24]
    places = sorted({int(start) + step for start in chosen for step in range(3)})  # neighbouring slices of one patient
    read = [cv2.imread(str(SHARED / "brain-mri" / paths[place]), cv2.IMREAD_GRAYSCALE) for place in places]
    slices = [np.asarray(grey, np.uint8) for grey in read]
    changes = [*CHANGES.values(), lambda grey: np.ascontiguousarray(grey[:, ::-1])]
    copies = [changes[number % len(changes)](slices[number]) for number in range(48)]
    found = matches_of([thumbnail(grey) for grey in (*slices, *copies)])
    originals = len(slices)
    pairs = {(match.first, match.second) for match in found}
    assert sum((number, originals + number) in pairs for number in range(48)) >= 0.98 * 48
    false = {match.first for match in found if match.second < originals}
    assert len(false) <= 0.01 * originals
