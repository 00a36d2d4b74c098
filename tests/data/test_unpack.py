from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.unpack import Bounds, is_archive, stamp_of, unpack
from radiolens.errors import DatasetError

FILES = {"a.txt": b"a", "b/c.txt": b"c" * 3000, "b/empty": b""}


def zipped(file: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("folder")
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.filename = name  # as it is, also where the constructor would mend it
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return file


def tarred(file: Path, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(file, "w:gz" if file.name.endswith("gz") else "w") as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.type, entry.linkname = len(content), kind, "/etc/passwd"
            archive.addfile(entry, io.BytesIO(content))
    return file


MAKERS = {"zip": zipped, "tar": tarred, "tar.gz": tarred, "tgz": tarred}


@pytest.mark.parametrize("ending", MAKERS)
def test_an_archive_is_unpacked(ending: str, tmp_path: Path) -> None:
    archive = MAKERS[ending](tmp_path / f"set.{ending}", FILES)
    steps: list[int] = []
    assert unpack(archive, tmp_path / "set", stamp="me", progress=steps.append) == 3
    assert stamp_of(tmp_path / "set") == "me"
    assert {
        str(path.relative_to(tmp_path / "set")): path.read_bytes() for path in (tmp_path / "set").rglob("[abc].*")
    } == {name: content for name, content in FILES.items() if "." in name}
    assert steps[-1] == 3001
    assert is_archive(archive.name)
    assert not is_archive("a.csv")


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
@pytest.mark.parametrize("name", ["../a", "/etc/a", "b/../../a", "C:\\a", "..\\a", "\\\\server\\a"])
def test_no_name_leads_out_of_the_folder(name: str, ending: str, tmp_path: Path) -> None:
    archive = MAKERS[ending](tmp_path / f"set.{ending}", FILES | {name: b"evil"})
    with pytest.raises(DatasetError, match="which leads out of its folder"):
        unpack(archive, tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind: bytes, tmp_path: Path) -> None:
    archive = tarred(tmp_path / "set.tar.gz", {"a": b""}, kind)
    with pytest.raises(DatasetError, match="'a' is a link or device"):
        unpack(archive, tmp_path / "set")


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="'a' is a link or device"):
        unpack(zipped(tmp_path / "set.zip", {"a": b"/etc/passwd"}, 0o120777), tmp_path / "set")


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_a_bomb_is_refused_and_leaves_nothing(ending: str, tmp_path: Path) -> None:
    archive = MAKERS[ending](tmp_path / f"set.{ending}", {"zeros": bytes(20_000_000)})
    with pytest.raises(DatasetError, match="more than images ever shrink"):
        unpack(archive, tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_a_tar_header_of_any_size_is_not_read_whole(tmp_path: Path) -> None:
    archive = tmp_path / "set.tar.gz"
    with tarfile.open(archive, "w:gz") as stream:
        header = tarfile.TarInfo("pax")
        header.type, header.size = tarfile.XHDTYPE, 64_000_000
        stream.addfile(header, io.BytesIO(bytes(64_000_000)))
    with pytest.raises(DatasetError, match=r"damaged or no archive \(a header of 64000000 bytes\)"):
        unpack(archive, tmp_path / "set")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="more than 2 files"):
        unpack(zipped(tmp_path / "set.zip", FILES), tmp_path / "set", Bounds(members=2))


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = zipped(tmp_path / "set.zip", FILES)
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DatasetError, match="larger than the room on the disk"):
        unpack(archive, tmp_path / "set")


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "set.tar"
    with tarfile.open(archive, "w") as stream:
        for _ in range(2):
            stream.addfile(tarfile.TarInfo("a"), io.BytesIO())
    with pytest.raises(DatasetError, match=r"cannot be unpacked \(File exists\)"):
        unpack(archive, tmp_path / "set")


@pytest.mark.parametrize("name", ["set.zip", "set.tar", "set.tar.gz"])
@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04" + bytes(100), b"\x1f\x8b\x08\x00" + bytes(20)])
def test_what_is_no_archive_is_told(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=r"damaged or no archive|cannot be unpacked"):
        unpack(tmp_path / name, tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_a_cut_archive_is_told(ending: str, tmp_path: Path) -> None:
    archive = MAKERS[ending](tmp_path / f"set.{ending}", {"a": bytes(range(256)) * 400})
    archive.write_bytes(archive.read_bytes()[:-60])
    with pytest.raises(DatasetError, match="damaged or no archive"):
        unpack(archive, tmp_path / "set")


def test_a_zip_with_an_empty_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="it holds the name '', which leads out of its folder"):
        unpack(zipped(tmp_path / "set.zip", FILES | {"": b"a"}), tmp_path / "set")
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("seed", range(5))
def test_a_zip_with_other_bytes_in_it_is_refused_or_unpacked(method: int, seed: int, tmp_path: Path) -> None:
    archive, random = tmp_path / "set.zip", np.random.default_rng(seed)
    with zipfile.ZipFile(archive, "w", method) as stream:
        stream.writestr("a.txt", random.bytes(300) * 3)
    content = np.frombuffer(archive.read_bytes(), np.uint8).copy()
    content[random.integers(0, content.size, 3)] = random.integers(0, 256, 3)
    archive.write_bytes(content.tobytes())
    with suppress(DatasetError):
        unpack(archive, tmp_path / "set")


def test_a_zip_of_lzma_that_is_damaged_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "set.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as stream:
        stream.writestr("a", bytes(range(256)) * 40)
    content = bytearray(archive.read_bytes())
    content[35:40] = b"\xff" * 5  # its properties, behind the header, the name and the version
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match="damaged or no archive"):
        unpack(archive, tmp_path / "set")


def test_an_encrypted_zip_is_told(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "set.zip", {"a": b"a"})
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(DatasetError, match="'a' is encrypted"):
        unpack(archive, tmp_path / "set")


def test_a_folder_that_is_there_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    assert stamp_of(tmp_path / "set") is None
    with pytest.raises(DatasetError, match="is there already"):
        unpack(zipped(tmp_path / "set.zip", FILES), tmp_path / "set")


def test_what_an_interruption_left_is_replaced(tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        raise KeyboardInterrupt

    archive = zipped(tmp_path / "set.zip", FILES)
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, tmp_path / "set", progress=interrupt)
    (tmp_path / ".set.unfinished").mkdir()
    (tmp_path / ".set.unfinished" / "old").touch()
    assert unpack(archive, tmp_path / "set") == 3
    assert {path.name for path in tmp_path.iterdir()} == {"set", "set.zip"}
    assert not (tmp_path / "set" / "old").exists()
