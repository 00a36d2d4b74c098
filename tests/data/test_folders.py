from __future__ import annotations

import os
from pathlib import Path

import pytest

from radiolens.data.case import Case
from radiolens.data.files import files_below
from radiolens.data.folders import class_folders, unlabelled_files
from radiolens.data.meaning import parse_meanings
from radiolens.errors import DatasetError
from radiolens.tasks import get_task

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")
NORMAL = "NORMAL=pneumonia:0"


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_folders_are_read_as_labels_and_splits_in_either_order(tmp_path: Path) -> None:
    make(tmp_path, "train/NORMAL/a.png", "val/PNEUMONIA/b.png", "Test/PNEUMONIA/c.png", "NORMAL/testing/d.png")
    found = class_folders(tmp_path, CHEST, parse_meanings(CHEST, [NORMAL]))
    assert [(case.path, case.split, dict(case.labels)) for case in found.cases] == [
        ("NORMAL/testing/d.png", "test", {"pneumonia": 0}),
        ("Test/PNEUMONIA/c.png", "test", {"pneumonia": 1}),
        ("train/NORMAL/a.png", "train", {"pneumonia": 0}),
        ("val/PNEUMONIA/b.png", "validation", {"pneumonia": 1}),
    ]
    assert found.path(found.cases[0]).is_file()


def test_folders_below_a_class_are_free_and_name_the_patient_if_asked(tmp_path: Path) -> None:
    make(tmp_path, "glioma/p1/test/a.png", "glioma/p2/b.png", "glioma/c.png")
    found = class_folders(tmp_path, MRI, {}, patient=r"glioma/(p\d+)/")
    assert [(case.patient_id, case.split, case.possible) for case in found.cases] == [
        ("", "", {"glioma"}),
        ("p1", "", {"glioma"}),
        ("p2", "", {"glioma"}),
    ]


def test_a_file_beside_the_class_folders_is_not_annotated(tmp_path: Path) -> None:
    make(tmp_path, "glioma/a.png", "stray.png")
    assert class_folders(tmp_path, MRI, {}).cases[1] == Case("stray.png")


def test_unknown_folders_are_listed_with_the_labels(tmp_path: Path) -> None:
    make(tmp_path, "glioma/a.png", "notumor/b.png", "notumor/c.png", "masks/d.png")
    with pytest.raises(DatasetError, match="no label of brain-mri is called masks, notumor") as error:
        class_folders(tmp_path, MRI, {})
    for expected in ("glioma (1 files)", "notumor (2 files)", "meningioma, pituitary, no_tumour", "--map", "--skip"):
        assert expected in str(error.value)
    found = class_folders(tmp_path, MRI, parse_meanings(MRI, ["notumor=no_tumour"]), skipped=["masks"])
    assert [case.path for case in found.cases] == ["glioma/a.png", "notumor/b.png", "notumor/c.png"]


def test_a_mapped_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    make(tmp_path, "glioma/a.png")
    with pytest.raises(DatasetError, match=r"there is no folder notumor\. Found glioma \(1 files\)"):
        class_folders(tmp_path, MRI, parse_meanings(MRI, ["notumor=no_tumour"]))
    with pytest.raises(DatasetError, match="there is no folder masks"):
        class_folders(tmp_path, MRI, {}, skipped=["masks"])


def test_a_folder_without_class_folders_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no class folder with images in it"):
        class_folders(make(tmp_path, "a.png", "train/b.png"), MRI, {})


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "no regular expression"), (r"p\d", "has 0 groups, expected one")]
)
def test_a_pattern_for_patients_needs_one_group(pattern: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=message):
        unlabelled_files(make(tmp_path, "a.png"), MRI, patient=pattern)


def test_unlabelled_files_are_not_annotated(tmp_path: Path) -> None:
    found = unlabelled_files(make(tmp_path, "series/2", "series/1", "glioma/x"), MRI)
    assert found.cases == (Case("glioma/x"), Case("series/1"), Case("series/2"))


def test_hidden_files_and_indices_are_no_images_and_links_are_followed_once(tmp_path: Path) -> None:
    make(tmp_path / "set", ".hidden", "DICOMDIR", "__MACOSX/._a.png", ".git/x", "b/a.png")
    make(tmp_path / "other", "c.png")
    (tmp_path / "set" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "set" / "b" / "circle").symlink_to(tmp_path / "set")
    assert [str(path) for path in files_below(tmp_path / "set")] == ["b/a.png", "link/c.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    make(tmp_path, "a/x.png", "b/y.png")
    (tmp_path / "b").chmod(0)
    with pytest.raises(DatasetError, match=r"/b: found a folder or link that cannot be read \(Permission denied\)"):
        list(files_below(tmp_path))
    (tmp_path / "b").chmod(0o700)


def test_a_link_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(DatasetError, match=r"/link: found a folder or link that cannot be read \(Too many levels"):
        list(files_below(tmp_path))
