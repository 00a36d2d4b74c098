"""Many inputs: walking, grouping, reading within bounds, and going on after what cannot be read."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from radiolens.errors import InputError, UnreadableImage
from radiolens.imaging.archive import Member
from radiolens.imaging.limits import Limits
from radiolens.inference.bulk import grouped, inputs, inputs_of, listed_paths, predict_inputs
from radiolens.inference.folder import files_below, read_file, series_of
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction
from radiolens.quality import ProblemCode
from tests.phantoms import chest_film, dicom, head_slice
from tests.tiny_bundle import make_bundle


def picture(seed: int = 0) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(np.rint(chest_film(80, 70, seed) * 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def slice_of(series: str | None, number: int) -> bytes:
    pixels = (head_slice() + 1000).astype(np.uint16)
    uid = f"1.2.{number}"
    return dicom(pixels, SeriesInstanceUID=series, SOPInstanceUID=uid, InstanceNumber=number)


def fill(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_lists_stand_in_their_place_and_a_file_of_that_name_is_given_with_its_folder(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("b\n\n  c  \n")
    assert listed_paths(["a", f"@{tmp_path / 'list'}", "./@d"]) == ("a", "b", "c", "./@d")


def test_a_list_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"\xff\xfe\x00")
    for name in ("list", "none"):
        with pytest.raises(InputError, match=r"the list cannot be read .*Give a text of paths"):
            listed_paths([f"@{tmp_path / name}"])


def test_only_one_input_is_read_at_a_time(tmp_path: Path) -> None:
    folder = fill(tmp_path / "films", a=picture(1), b=picture(2))
    found = inputs(str(folder))
    assert next(found).files == (picture(1),)
    (folder / "b").write_bytes(picture(3))
    assert next(found).files == (picture(3),)


def test_the_files_of_a_series_are_one_input_in_the_order_of_its_first_file(tmp_path: Path) -> None:
    fill(tmp_path, a=slice_of("1.5", 1), b=picture(), c=slice_of("1.5", 2), d=slice_of("1.6", 1), e=slice_of(None, 1))
    found = [(Path(entry.name).name, len(entry.files), entry.on_disk) for entry in inputs(str(tmp_path))]
    assert found == [("a", 2, 2), ("b", 1, 1), ("d", 1, 1), ("e", 1, 1)]


def test_two_files_without_a_series_uid_are_two_inputs(tmp_path: Path) -> None:
    fill(tmp_path, a=slice_of(None, 1), b=slice_of(None, 2))
    assert [len(series) for series in series_of(files_below(tmp_path))] == [1, 1]


def test_a_damaged_header_stays_by_itself_and_says_so_when_it_is_read(tmp_path: Path) -> None:
    fill(tmp_path, a=slice_of("1.5", 1), b=bytes(128) + b"DICM" + b"\xff" * 40, c=slice_of("1.5", 2))
    assert [[file.name for file in series] for series in series_of(files_below(tmp_path))] == [["a", "c"], ["b"]]


def test_what_only_comes_along_with_images_on_a_cd_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "cd", DICOMDIR=b"index", film=picture())
    fill(
        tmp_path / "cd",
        **{"README.TXT": b"text", "film.ini": slice_of("1.5", 1), "start.exe": b"MZ", "autorun.inf": b""},
    )
    fill(tmp_path / ".trash", film=picture())
    fill(tmp_path / "viewer.app" / "Contents" / "Resources", logo=picture())
    assert files_below(tmp_path) == [tmp_path / "cd" / "film", tmp_path / "cd" / "film.ini"]


def test_where_the_folder_itself_lies_says_nothing_of_its_files(tmp_path: Path) -> None:
    folder = fill(tmp_path / ".cache" / "__MACOSX" / "x.app", film=picture())
    fill(folder, **{"README.TXT": b"text"})
    assert files_below(folder) == [folder / "film"]


def test_a_folder_of_nothing_else_is_judged_file_by_file(tmp_path: Path) -> None:
    fill(tmp_path, **{"README.TXT": b"text", "report.pdf": b"%PDF-1.7"})
    assert [Path(entry.name).name for entry in inputs(str(tmp_path))] == ["README.TXT", "report.pdf"]


def test_a_zip_gives_one_input_per_series_and_counts_as_one_file() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in {"a": slice_of("1.5", 1), "b": picture(), "c": slice_of("1.5", 2)}.items():
            archive.writestr(name, content)
    found = list(inputs_of(Member("all.zip", stream.getvalue())))
    assert [(entry.name, len(entry.files), entry.on_disk) for entry in found] == [
        ("all.zip/a", 2, 1),
        ("all.zip/b", 1, 0),
    ]


def test_what_only_comes_along_with_images_in_a_zip_is_left_out() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in {"README.TXT": b"text", "a": picture(), "__MACOSX/._a": b"\0\5\x16\7"}.items():
            archive.writestr(name, content)
    found = list(inputs_of(Member("mac.zip", stream.getvalue())))
    assert [(entry.name, entry.on_disk) for entry in found] == [("mac.zip/a", 1)]


def test_a_damaged_zip_is_one_input_with_a_problem() -> None:
    (entry,) = inputs_of(Member("x.zip", b"PK\x03\x04 cut"))
    assert entry.files == ()
    assert isinstance(entry.problem, UnreadableImage)


def test_uploaded_files_are_grouped_as_those_of_a_folder() -> None:
    members = [Member("a", slice_of("1.5", 1)), Member("b", picture()), Member("c", slice_of("1.5", 2))]
    assert [(entry.name, len(entry.files)) for entry in grouped(members)] == [("a", 2), ("b", 1)]


def test_a_series_over_the_limit_is_not_read_whole(tmp_path: Path) -> None:
    first = slice_of("1.5", 1)
    fill(tmp_path, a=first, b=slice_of("1.5", 2))
    (entry,) = inputs(str(tmp_path), Limits(file_bytes=len(first) + 10))
    assert entry.files == ()
    assert entry.problem is not None
    assert entry.problem.code is ProblemCode.TOO_LARGE


def test_headers_in_a_zip_are_read_within_the_limits() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in (1, 2):
            archive.writestr(str(number), slice_of("1.5", number))
    small = Limits(file_bytes=len(slice_of("1.5", 1)) - 1)
    assert len(stream.getvalue()) < small.file_bytes, "of the zip itself: it is its files that are over the limit"
    assert [len(entry.files) for entry in inputs_of(Member("all.zip", stream.getvalue()))] == [2]
    assert [len(entry.files) for entry in inputs_of(Member("all.zip", stream.getvalue()), small)] == [1, 1]


def test_an_image_is_read_within_the_limits(tmp_path: Path) -> None:
    predictor, found = Predictor.open([tmp_path]), grouped([Member("a", picture())])
    (outcome,) = predict_inputs(predictor, found, "auto", limits=Limits(pixels=1000))
    assert isinstance(outcome.result, UnreadableImage)
    assert outcome.result.code is ProblemCode.TOO_LARGE


@pytest.mark.parametrize("path", ["none.png", "a\0b", "x" * 5000])
def test_what_cannot_be_opened_is_an_input_with_a_problem(path: str) -> None:
    (entry,) = inputs(path)
    assert entry.name == path
    assert "The file cannot be opened" in str(entry.problem)
    assert "Check the path." in str(entry.problem)


def test_a_device_or_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableImage, match="This is no file and no folder"):
        read_file(tmp_path / "pipe", 100)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(3_000_000)
    with pytest.raises(UnreadableImage, match="more than 2 MB") as told:
        read_file(tmp_path / "large", 2_000_000)
    assert told.value.code is ProblemCode.TOO_LARGE


def test_what_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    make_bundle(tmp_path / "bundles")
    folder = fill(tmp_path / "films", a=picture(1), b=b"no image", c=picture(2))
    found = predict_inputs(Predictor.open([tmp_path / "bundles"]), inputs(str(folder)), "chest-xray", explain=True)
    first, second, third = found
    assert isinstance(second.result, UnreadableImage)
    assert second.image is None
    for outcome in (first, third):
        assert isinstance(outcome.result, Prediction)
        assert outcome.result.answered
        assert outcome.result.explanation is not None
        assert outcome.image is not None
        assert outcome.seconds >= outcome.result.seconds > 0
