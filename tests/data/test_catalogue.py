from __future__ import annotations

from pathlib import Path

import pytest

from radiolens.data.catalogue import PublicSet, RemoteFile, known_sets, named_set, read_catalogue
from radiolens.errors import DatasetError
from radiolens.tasks import TASKS

GOOD = """
[[set]]
name = "ours"
title = "Our films"
page = "https://hospital.example/films"
licence = "internal"
citation = "none"
tasks = ["chest-xray"]

[[set.file]]
name = "films.zip"
url = "https://hospital.example/films.zip"
sha256 = "{sha256}"
file_bytes = 12
""".replace("{sha256}", "0" * 64)


def catalogue(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "catalogue.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("entry", known_sets(), ids=lambda entry: entry.name)
def test_a_known_set_states_page_terms_citation_and_task(entry: PublicSet) -> None:
    assert entry.page.startswith("http")
    assert entry.title
    assert entry.licence
    assert entry.citation
    assert entry.note
    assert set(entry.tasks) <= {task.name for task in TASKS}
    assert entry.tasks
    assert all(file.url.startswith("https://") for file in entry.files if file.url)


def test_the_sets_that_the_released_networks_learnt_from_are_known() -> None:
    assert {"guangzhou", "montgomery", "shenzhen", "tbx11k", "nih-chestxray14", "figshare-brain-tumour"} <= {
        entry.name for entry in known_sets()
    }


def test_a_sites_own_catalogue_is_read(tmp_path: Path) -> None:
    (entry,) = read_catalogue(catalogue(tmp_path, GOOD))
    assert entry.files == (RemoteFile("films.zip", "https://hospital.example/films.zip", "0" * 64, 12),)
    assert (entry.tasks, entry.manual) == (("chest-xray",), ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[set]]", "[[sets]]", r"found sets.*, expected one or more tables \[\[set\]\]"),
        ('name = "ours"', 'name = "Our set"', "set 1: found the name 'Our set', expected small letters"),
        ('licence = "internal"', "", "set 1: missing licence; known are name, title, page, licence"),
        ('licence = "internal"', "licence = 1", "set 1: licence: found 1, expected str"),
        ('licence = "internal"', 'license = "x"', "set 1: unknown license and missing licence"),
        ('tasks = ["chest-xray"]', "tasks = [1]", r"tasks: found \[1\], expected tuple"),
        ('name = "films.zip"', 'name = "../films.zip"', "found the file name '../films.zip', expected letters"),
        ('name = "films.zip"', 'name = "a/films.zip"', "found the file name"),
        ('name = "films.zip"', 'name = "films."', "found the file name"),
        ('name = "films.zip"', "", "missing name"),
        ('url = "https:', 'url = "ftp:', "films.zip: found the address 'ftp://hospital"),
        ('url = "https://hospital.example/films.zip"', "", "films.zip has no url, so instructions are needed"),
        ("0" * 64, "0" * 63 + "G", "films.zip: found the SHA-256"),
        ("file_bytes = 12", 'file_bytes = "12"', "file_bytes: found '12', expected int"),
        ("[[set.file]]", "[set.file]", r"expected its files as tables \[\[set.file\]\]"),
        ("[[set.file]]", "[[set.files]]", "unknown files"),
        ("[[set]]", "[[set]", "it is not TOML"),
    ],
)
def test_a_catalogue_that_is_wrong_is_told(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in GOOD
    with pytest.raises(DatasetError, match=message):
        read_catalogue(catalogue(tmp_path, GOOD.replace(old, new)))


def test_a_set_or_a_file_that_stands_twice_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="the set 'ours' stands twice"):
        read_catalogue(catalogue(tmp_path, GOOD + GOOD))
    with pytest.raises(DatasetError, match="expected one or more, each once"):
        read_catalogue(catalogue(tmp_path, GOOD + GOOD[GOOD.index("[[set.file]]") :]))


def test_an_empty_or_unreadable_catalogue_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="found nothing, expected one or more tables"):
        read_catalogue(catalogue(tmp_path, ""))
    with pytest.raises(DatasetError, match="cannot be read as a text"):
        read_catalogue(tmp_path / "none.toml")


def test_a_set_that_is_not_known_is_told_with_the_known_ones() -> None:
    assert named_set("cq500", known_sets()).name == "cq500"
    with pytest.raises(DatasetError, match=r"there is no set 'cq'\. Known are guangzhou, montgomery"):
        named_set("cq", known_sets())
