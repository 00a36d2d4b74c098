"""Zip archives: within bounds, and with names that lead nowhere."""

from __future__ import annotations

import contextlib
import io
import os
import tracemalloc
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from radiolens.errors import UnreadableImage
from radiolens.imaging.archive import is_archive, label, read_archive
from radiolens.imaging.limits import Limits
from radiolens.quality import ProblemCode
from tests.hostile_files import Entry, dicom, film_png, zip_bomb, zipped


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_files_come_in_the_order_of_the_archive_and_folders_do_not(method: int) -> None:
    files = {"b/2.dcm": b"two", "a/1.dcm": bytes(100_000), "b/": b"", "empty": b""}
    told = [(member.name, member.data) for member in read_archive(packed(files, method))]
    assert told == [("b/2.dcm", b"two"), ("a/1.dcm", bytes(100_000)), ("empty", b"")]


def test_an_archive_within_an_archive_stays_closed() -> None:
    inner = packed({"secret.png": film_png()})
    assert [member.data for member in read_archive(packed({"inner.zip": inner}))] == [inner]


def test_an_archive_is_told_by_its_beginning_unless_it_is_dicom_too() -> None:
    assert is_archive(packed({"a": b""}))
    assert is_archive(packed({}))
    assert not is_archive(film_png())
    assert not is_archive(b"")
    assert not is_archive(dicom(preamble=b"PK\3\4"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("study/series/1.dcm", "study/series/1.dcm"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\Windows\\system.ini", "C/Windows/system.ini"),
        ("..\\..\\x", "x"),
        ("a/./b/../c", "a/b/c"),
        ("one/two/three/four/five", "two/three/four/five"),
        ("tab\tand\nline\0end", "tab_and_line_end"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("x" * 200, "x" * 80),
        ("...", "unnamed"),
        ("", "unnamed"),
    ],
)
def test_a_label_is_what_is_harmless_of_a_name(name: str, expected: str) -> None:
    assert label(name) == expected


NASTY = st.text(st.sampled_from("./\\:~ \0\n\r\t\u202e\ud800aZ%$*|<>\"'\u00e9\uff0f\U0001f480"), max_size=400)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(NASTY | st.text(max_size=60))
@example("../" * 50 + "x")
@example("." * 81 + "/x")
@example(".. /.. /x")
def test_a_name_can_never_leave_its_folder(name: str) -> None:
    told = label(name)
    folder = Path("/folder")
    assert os.path.normpath(folder / told).startswith("/folder/")
    assert folder in Path(os.path.normpath(folder / told)).parents
    for path in (PurePosixPath(told), PureWindowsPath(told)):
        assert not path.is_absolute()
        assert (path.drive, path.root) == ("", "")
        assert ".." not in path.parts
    assert all(part.strip(". ") for part in told.split("/"))
    assert told.isprintable()
    assert len(told) <= 4 * 81
    assert label(told) == told


@pytest.mark.parametrize(
    ("make", "message", "code"),
    [
        (lambda: packed({"a": bytes(200)})[:-30], "damaged or incomplete", ProblemCode.UNREADABLE),
        (lambda: packed({}), "holds no file", ProblemCode.UNREADABLE),
        (lambda: zipped([Entry(b"a", b"abc", crc=1)]), "damaged or incomplete", ProblemCode.UNREADABLE),
        # Two names for the same bytes, which Python 3.11.7 reads and 3.11.8 refuses.
        (lambda: zipped([Entry(b"a", b"abc"), Entry(b"a", b"abc", at=0)]), "damaged or inc", ProblemCode.UNREADABLE),
        (lambda: zipped([Entry(b"a", b"abc", method=8)]), "damaged or incomplete", ProblemCode.UNREADABLE),
        (lambda: zipped([Entry(b"a", b"abc", method=99)]), "compressed by method 99", ProblemCode.UNREADABLE),
        (
            lambda: zipped([Entry(b"../a", b"abc", flags=1)]),
            r"^a in the zip archive is encrypted",
            ProblemCode.UNREADABLE,
        ),
        (lambda: zip_bomb(10), "compressed more than any image; at most 200 times", ProblemCode.TOO_LARGE),
        (
            lambda: zipped([Entry(b"%d" % n) for n in range(2001)]),
            "has 2001 members; at most 2000",
            ProblemCode.TOO_LARGE,
        ),
        (lambda: zipped([Entry(b"n" * 60_000)] * 20), "damaged or incomplete", ProblemCode.UNREADABLE),
    ],
)
def test_what_cannot_be_unpacked_says_why(make: object, message: str, code: ProblemCode) -> None:
    assert callable(make)
    with pytest.raises(UnreadableImage, match=message) as caught:
        read_archive(make())
    assert caught.value.code is code


def test_the_archive_and_what_it_holds_share_one_bound() -> None:
    data = packed({"a": os.urandom(1) * 500_000, "b": bytes(500_000)})
    limits = Limits(inflated_bytes=1_000_000 + len(data))
    assert len(read_archive(data, limits)) == 2
    with pytest.raises(UnreadableImage, match="becomes larger than allowed; at most 1 MB with"):
        read_archive(data, Limits(inflated_bytes=1_000_000 + len(data) - 1))


def test_an_archive_larger_than_any_input_is_not_opened() -> None:
    with pytest.raises(UnreadableImage, match=r"has 2 MB; at most 1 MB are read. Send it in parts") as caught:
        read_archive(b"PK\3\4" + bytes(2_000_000), Limits(file_bytes=1_000_000))
    assert caught.value.code is ProblemCode.TOO_LARGE


def test_a_bomb_takes_no_more_memory_than_its_bound() -> None:
    data, bound = zip_bomb(60, members=66), 20_000_000  # each member is too small for the bound on the ratio
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage, match="becomes larger"):
            read_archive(data, Limits(inflated_bytes=bound))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert bound * 0.9 < peak < bound * 1.3


def test_an_error_keeps_nothing_of_what_was_inflated_alive() -> None:
    data = packed({"a": os.urandom(100_000) + bytes(10_000_000)})
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage, match="becomes larger") as caught:
            read_archive(data, Limits(inflated_bytes=9_000_000))
        assert tracemalloc.get_traced_memory()[0] < 2_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.__context__ is None


HONEST = packed({"a/film.png": film_png()[:3000], "b.txt": b"text" * 100, "c/": b""})
FLIPS = st.lists(st.tuples(st.integers(0, len(HONEST) - 1), st.integers(0, 255)), min_size=1, max_size=8)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(FLIPS, st.integers(0, 200))
def test_a_damaged_archive_is_read_or_unreadable(flips: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(HONEST)
    for place, value in flips:
        data[-1 - place if place % 2 else place] = value  # the directory, at the end, as often as the files
    with contextlib.suppress(UnreadableImage):
        members = read_archive(bytes(data[: len(data) - cut]))
        assert sum(len(member.data) for member in members) < 2_000_000
