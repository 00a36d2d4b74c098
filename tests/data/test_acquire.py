from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.data.acquire import NOTE, acquire, read_note, set_of_address
from radiolens.data.catalogue import PublicSet, RemoteFile
from radiolens.data.download import Patience
from radiolens.errors import DatasetError, PeerError
from tests.data.file_server import Behaviour, file_server

QUICK = Patience(connect_s=10, read_s=10, tries=2, first_wait_s=0.01)


def packed(content: bytes = b"picture") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("glioma/a.png"), content)
    return stream.getvalue()


@pytest.fixture
def server() -> Behaviour:
    return Behaviour(packed())


@pytest.fixture
def public_set(server: Behaviour) -> Iterator[PublicSet]:
    with file_server(server) as root:
        files = (RemoteFile("slices.zip", f"{root}/file.bin"), RemoteFile("folds.csv"))
        yield PublicSet("ours", "Our slices", "https://page", "CC0", "none", files, instructions="Sign the form.")


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_set_is_fetched_unpacked_and_noted_and_what_is_missing_named(
    public_set: PublicSet, server: Behaviour, tmp_path: Path
) -> None:
    told: list[str] = []
    done = acquire(public_set, tmp_path / "to", progress=lambda what, done, total: told.append(what))
    assert [file.name for file in done.missing] == ["folds.csv"]
    assert (tmp_path / "to" / "slices" / "glioma" / "a.png").read_bytes() == b"picture"
    note = json.loads((tmp_path / "to" / NOTE).read_text())
    assert (note["set"], note["page"], note["licence"], note["citation"]) == ("ours", "https://page", "CC0", "none")
    assert note["files"]["slices.zip"]["sha256"] == digest(server.content)
    assert note["files"]["slices.zip"]["file_bytes"] == len(server.content)
    assert read_note(tmp_path / "to") == done.noted
    assert list(dict.fromkeys(told)) == ["Downloading slices.zip", "Unpacking slices.zip"]


def test_a_file_placed_by_hand_completes_the_set(public_set: PublicSet, server: Behaviour, tmp_path: Path) -> None:
    acquire(public_set, tmp_path)
    (tmp_path / "folds.csv").write_text("1,2\n")
    done = acquire(public_set, tmp_path)
    assert done.missing == ()
    assert done.noted["folds.csv"].sha256 == digest(b"1,2\n")
    assert len(server.log) == 1


def test_a_repeated_call_downloads_and_unpacks_nothing_anew(
    public_set: PublicSet, server: Behaviour, tmp_path: Path
) -> None:
    first = acquire(public_set, tmp_path)
    before = (tmp_path / "slices").stat().st_mtime_ns
    assert acquire(public_set, tmp_path) == first
    assert len(server.log) == 1
    assert (tmp_path / "slices").stat().st_mtime_ns == before


def test_a_checksum_noted_at_the_first_download_holds_ever_after(
    public_set: PublicSet, server: Behaviour, tmp_path: Path
) -> None:
    acquire(public_set, tmp_path)
    noted = digest(server.content)
    (tmp_path / "slices.zip").unlink()
    server.content = packed(b"another")
    with pytest.raises(DatasetError, match=f"found SHA-256 {digest(server.content)}, expected {noted}"):
        acquire(public_set, tmp_path, patience=QUICK)
    assert not (tmp_path / "slices.zip").exists()
    (tmp_path / NOTE).unlink()
    shutil.rmtree(tmp_path / "slices")
    assert acquire(public_set, tmp_path).noted["slices.zip"].sha256 == digest(server.content)


def test_a_file_that_was_changed_on_the_disk_is_refused(public_set: PublicSet, tmp_path: Path) -> None:
    acquire(public_set, tmp_path)
    (tmp_path / "slices.zip").write_bytes(b"changed")
    with pytest.raises(DatasetError, match=r"slices\.zip: found SHA-256 .* expected .*Remove it to get it again"):
        acquire(public_set, tmp_path)


def test_a_placed_file_must_have_the_checksum_of_the_catalogue(public_set: PublicSet, tmp_path: Path) -> None:
    strict = replace(public_set, files=(RemoteFile("folds.csv", sha256=digest(b"right")),))
    (tmp_path / "folds.csv").write_bytes(b"wrong")
    with pytest.raises(DatasetError, match=f"found SHA-256 {digest(b'wrong')}, expected {digest(b'right')}"):
        acquire(strict, tmp_path)
    (tmp_path / "folds.csv").write_bytes(b"right")
    assert acquire(strict, tmp_path).missing == ()


def test_a_failure_keeps_what_was_acquired_before_it(public_set: PublicSet, server: Behaviour, tmp_path: Path) -> None:
    (first, _) = public_set.files
    server.statuses = []
    two = replace(
        public_set, files=(first, RemoteFile("other.bin", first.url.replace("http://", "http://no.invalid:1/")))
    )
    with pytest.raises(PeerError, match="no answer that lasts"):
        acquire(two, tmp_path, patience=QUICK)
    assert list(read_note(tmp_path)) == ["slices.zip"]


def test_archives_stay_packed_if_asked_and_are_unpacked_later(public_set: PublicSet, tmp_path: Path) -> None:
    acquire(public_set, tmp_path, unpacked=False)
    assert not (tmp_path / "slices").exists()
    acquire(public_set, tmp_path)
    assert (tmp_path / "slices" / "glioma" / "a.png").is_file()


def test_a_folder_that_came_otherwise_is_not_written_into(public_set: PublicSet, tmp_path: Path) -> None:
    (tmp_path / "slices").mkdir()
    with pytest.raises(DatasetError, match="is there already"):
        acquire(public_set, tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"files": []}', '{"files": {"a": {"x": 1}}}', "{}"])
def test_a_note_that_cannot_be_read_is_told(text: str, public_set: PublicSet, tmp_path: Path) -> None:
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(DatasetError, match="Restore it, or remove it"):
        acquire(public_set, tmp_path)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/a/films.zip?x=1", "films.zip"),
        ("https://host/a%20b.csv", "a_b.csv"),
        ("https://host/..%2F..%2Fetc", "etc"),
        ("https://host/%2e%2e", "download"),
        ("https://host", "download"),
    ],
)
def test_the_name_of_an_address_cannot_leave_the_folder(url: str, name: str) -> None:
    assert set_of_address(url).files[0].name == name
