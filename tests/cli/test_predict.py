"""`radiolens predict` by its contract (docs/contracts.md)."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from radiolens.bundle import RELEASED, find_bundles, read_bundle
from radiolens.cli import cli
from radiolens.cli.predict import _line
from radiolens.cli.result_files import COLUMNS
from radiolens.inference.record import KEYS
from radiolens.quality import ProblemCode
from radiolens.safety.sight import Kind
from tests.phantoms import MR, chest_film, dicom, head_slice, nifti
from tests.process_tree import children, is_alive, until
from tests.shared_data import SHARED, needs_shared_data
from tests.tiny_gate import KINDS, make_gate

CHEST = read_bundle(find_bundles([RELEASED])["chest-xray"])
PROGRAM = (sys.executable, "-m", "radiolens", "predict")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["predict", *map(str, arguments)])


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def answers(*arguments: object) -> list[dict[str, Any]]:
    """Return the objects of a run that must end well."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return rows(result)


def save_film(file: Path, seed: int = 0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(np.rint(chest_film(seed=seed) * 255).astype(np.uint8)).save(file)
    return file


def save_slice(file: Path, number: int, series: str = "1.2.3") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(
        dicom(
            (head_slice(height=number / 10) + 1000).astype(np.uint16),
            SOPClassUID=MR,
            Modality="MR",
            BodyPartExamined="BRAIN",
            SeriesInstanceUID=series,
            SOPInstanceUID=f"{series}.{number}",
            InstanceNumber=number,
            ImagePositionPatient=[0, 0, 5 * number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[1, 1],
        )
    )
    return file


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return save_film(tmp_path / "film.png")


def test_every_key_is_there_in_order_for_each_status(film: Path, tmp_path: Path) -> None:
    result = run(film, save_film(tmp_path / "b.png"), tmp_path / "none.png", "--task", "chest-xray", "--json")
    refused = run(film, "--json")
    answered, _, unreadable = rows(result)
    for row, status in ((answered, "answered"), (unreadable, "unreadable"), (rows(refused)[0], "refused")):
        assert tuple(row) == KEYS
        assert row["status"] == status
    assert (result.exit_code, refused.exit_code) == (1, 0)


def test_an_answer_tells_findings_bundle_and_time_and_no_slices_of_a_picture(film: Path) -> None:
    (row,) = answers(film, "--task", "chest-xray")
    assert [finding["label"] for finding in row["findings"]] == ["pneumonia", "tuberculosis"]
    for finding in row["findings"]:
        assert list(finding) == ["label", "probability", "threshold", "presence"]
        side = "present" if finding["probability"] >= finding["threshold"] else "absent"
        assert finding["presence"] in (side, "indeterminate")  # which its prediction set may make of it
    assert row["bundle"] == {"name": "chest-xray", "version": CHEST.bundle.version, "sha256": CHEST.sha256}
    assert (row["path"], row["task"], row["problems"]) == (str(film), "chest-xray", [])
    assert set(row["prediction_set"]) <= {"pneumonia", "tuberculosis"}
    assert row["slices"] == []
    assert 0 < row["seconds"] < 60


def test_exclusive_labels_sum_to_one_and_one_at_most_is_present(film: Path) -> None:
    (row,) = answers(film, "--task", "brain-mri")
    assert sum(finding["probability"] for finding in row["findings"]) == pytest.approx(1.0)
    assert sum(finding["presence"] == "present" for finding in row["findings"]) <= 1


def test_what_is_refused_or_unreadable_says_why_by_code(film: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no image")
    codes = [row["problems"][0]["code"] for row in rows(run(film, broken, "--json"))]
    assert codes == [ProblemCode.TASK_UNDETERMINED, ProblemCode.UNREADABLE]


def test_what_no_installed_network_answers_says_so_by_code(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("radiolens.bundle.RELEASED", tmp_path / "none")
    (row,) = answers(film, "--task", "brain-ct")
    assert [problem["code"] for problem in row["problems"]] == [ProblemCode.UNRELEASED_FINDING]
    assert "no adequate public data" in row["problems"][0]["message"]


def test_a_folder_is_walked_sorted_by_name_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.png", "a/2.png", "a/10.png", "c/deep/x.png", ".hidden/y.png", "c/.z.png"):
        save_film(tmp_path / "films" / name)
    found = [row["path"] for row in answers(tmp_path / "films", "--task", "chest-xray")]
    assert found == [str(tmp_path / "films" / name) for name in ("a/10.png", "a/2.png", "b.png", "c/deep/x.png")]


def test_a_list_names_paths_relative_to_the_working_folder_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_film(tmp_path / "films" / "a b.png")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "mine.txt").write_bytes("\ufefffilms/a b.png\r\n\r\nfilms/../films/a b.png\n".encode())
    monkeypatch.chdir(tmp_path)
    found = answers("@lists/mine.txt", "./films/a b.png", "--task", "chest-xray")
    assert [row["path"] for row in found] == ["films/a b.png", "films/../films/a b.png", "./films/a b.png"]


def test_a_list_that_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    result = run(f"@{tmp_path / 'none.txt'}", "--task", "chest-xray")
    assert result.exit_code == 2
    assert "the list cannot be read" in result.stderr


def test_a_series_of_one_folder_is_one_line_and_two_folders_are_two(tmp_path: Path) -> None:
    for number in range(4):
        save_slice(tmp_path / "first" / f"{number}.dcm", number)
        save_slice(tmp_path / "second" / f"{number}.dcm", number)
    save_slice(tmp_path / "first" / "other.dcm", 0, series="4.5.6")
    found = answers(tmp_path)
    assert [row["path"] for row in found] == [
        str(tmp_path / name) for name in ("first/0.dcm", "first/other.dcm", "second/0.dcm")
    ]
    assert [row["task"] for row in found] == ["brain-mri"] * 3
    assert found[0]["findings"] == found[2]["findings"]


def test_a_zip_of_a_series_is_one_line(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "series.zip", "w") as archive:
        for number in range(3):
            archive.write(save_slice(tmp_path / "slices" / f"{number}.dcm", number), f"{number}.dcm")
    (row,) = answers(tmp_path / "series.zip")
    assert row["path"] == f"{tmp_path / 'series.zip'}/0.dcm"
    assert row["task"] == "brain-mri"
    assert row["slices"]


def test_a_multi_frame_file_is_one_line_with_the_mean_of_its_slices(tmp_path: Path) -> None:
    frames = np.stack([(head_slice(height=number / 5) + 1000).astype(np.uint16) for number in range(5)])
    file = tmp_path / "frames.dcm"
    file.write_bytes(dicom(frames, SOPClassUID=MR, Modality="MR", BodyPartExamined="SKULL"))
    (row,) = answers(file)
    assert_mean_of_slices(row)


def test_a_nifti_volume_is_one_line_with_the_mean_of_its_slices(tmp_path: Path) -> None:
    voxels = np.stack([head_slice(height=number / 5) + 1000 for number in range(5)], axis=-1).astype(np.int16)
    file = tmp_path / "volume.nii"
    file.write_bytes(nifti(voxels, np.diag([1.0, 1.0, 5.0, 1.0])))
    (row,) = answers(file, "--task", "brain-mri")
    assert_mean_of_slices(row)


def assert_mean_of_slices(row: dict[str, Any]) -> None:
    assert row["status"] == "answered"
    assert [list(part) for part in row["slices"]] == [["index", "findings"]] * len(row["slices"])
    indices = [part["index"] for part in row["slices"]]
    assert indices == sorted(set(indices))
    each = [[finding["probability"] for finding in part["findings"]] for part in row["slices"]]
    assert [finding["probability"] for finding in row["findings"]] == pytest.approx(np.mean(each, axis=0))


def test_no_gate_answers_what_would_be_refused(tmp_path: Path) -> None:
    file = tmp_path / "ankle.dcm"
    file.write_bytes(dicom((chest_film() * 4000).astype(np.uint16), BodyPartExamined="ANKLE", Modality="DX"))
    assert answers(file, "--task", "chest-xray")[0]["problems"][0]["code"] == "wrong_body_part"
    assert answers(file, "--task", "chest-xray", "--no-gate")[0]["status"] == "answered"


def test_the_gate_network_refuses_by_code_and_no_gate_scores(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bias = np.array([8.0 if kind is Kind.CHEST_LATERAL else 0.0 for kind in KINDS] + [-8.0] * 3, np.float32)
    make_gate(tmp_path / "home" / "bundles", bias=bias, version="99.0.0")
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RADIOLENS_GATE", "full")
    for task in ("auto", "chest-xray"):
        (row,) = answers(film, "--task", task)
        assert (row["status"], row["task"], row["findings"], row["bundle"]) == ("refused", "chest-xray", [], None)
        assert [problem["code"] for problem in row["problems"]] == ["wrong_view"]
    assert answers(film, "--task", "chest-xray", "--no-gate")[0]["status"] == "answered"
    assert "Use a frontal view (PA or AP)." in run(film).stdout


def test_a_child_s_tuberculosis_is_left_open(tmp_path: Path) -> None:
    file = tmp_path / "child.dcm"
    file.write_bytes(
        dicom((chest_film() * 4000).astype(np.uint16), Modality="DX", BodyPartExamined="CHEST", PatientAge="006Y")
    )
    (row,) = answers(file)
    by_label = {finding["label"]: finding for finding in row["findings"]}
    assert by_label["tuberculosis"]["presence"] == "indeterminate"
    assert 0 <= by_label["tuberculosis"]["probability"] <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--no-gate"], "--no-gate needs a named task: give --task"),
        (["--task", "knee"], "'knee' is not one of"),
        (["--output", "x.xlsx"], r"the table is written as .csv or .parquet"),
        (["--profile", "none.json"], "does not exist"),
        (["--output", "none/x.csv"], "cannot be written (No such file or directory)"),
        (["--heatmaps", "/proc/none"], "cannot be made"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(arguments: list[str], message: str, film: Path) -> None:
    result = run(film, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def profile(folder: Path, **changes: Any) -> Path:  # noqa: ANN401  any wrong value too
    content = {"site": "clinic", "bundle_sha256": CHEST.sha256, "thresholds": {"pneumonia": 0.0}, "evidence": "none"}
    file = folder / "profile.json"
    file.write_text(json.dumps(content | changes))
    return file


def test_a_profile_moves_the_threshold_of_its_bundle(film: Path, tmp_path: Path) -> None:
    (row,) = answers(film, "--task", "chest-xray", "--profile", profile(tmp_path))
    assert row["findings"][0]["threshold"] == 0.0
    assert row["findings"][0]["presence"] != "absent"  # its prediction set may leave it open
    assert row["findings"][1]["threshold"] == CHEST.bundle.thresholds["tuberculosis"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"bundle_sha256": "0" * 64},
            "is not installed. Plan the thresholds anew for the installed bundle (installed: ",
        ),
        ({"thresholds": {"glioma": 0.5}}, "has thresholds for glioma; the labels of chest-xray"),
        ({"thresholds": {"pneumonia": "low"}}, "thresholds must give each label a number"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused_with_what_to_do(
    changes: dict[str, Any], message: str, film: Path, tmp_path: Path
) -> None:
    result = run(film, "--task", "chest-xray", "--profile", profile(tmp_path, **changes))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_heat_maps_are_pictures_of_the_slice_and_named_after_the_input(film: Path, tmp_path: Path) -> None:
    maps = tmp_path / "deep" / "maps"
    answers(film, film, "--task", "chest-xray", "--heatmaps", maps)
    names = sorted(file.name for file in maps.iterdir())
    assert len(names) == 4
    assert names[0].startswith("00001-")
    assert names[0].endswith("film.png-pneumonia.png")
    with PIL.Image.open(maps / names[0]) as picture:
        assert (picture.mode, picture.size) == ("RGB", (200, 240))


def test_a_name_with_parent_folders_does_not_lead_out_of_the_folder_of_heat_maps(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    before = set(tmp_path.rglob("*"))
    answers("../film.png", "--task", "chest-xray", "--heatmaps", "maps")
    new = set(tmp_path.rglob("*")) - before
    assert {file.parent for file in new if file.is_file()} == {tmp_path / "sub" / "maps"}


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_the_table_has_a_row_for_each_label_and_one_for_what_was_not_answered(
    ending: str, film: Path, tmp_path: Path
) -> None:
    table = tmp_path / f"table{ending}"
    result = run(film, tmp_path / "none.png", "--task", "chest-xray", "--output", table, "--json")
    assert result.exit_code == 1
    first = rows(result)[0]
    found = read_table(table)
    assert [list(row) for row in found] == [list(COLUMNS)] * 3
    assert [(row["status"], row["label"] or "") for row in found] == [
        ("answered", "pneumonia"),
        ("answered", "tuberculosis"),
        ("unreadable", ""),
    ]
    assert float(found[0]["probability"]) == first["findings"][0]["probability"]
    assert (found[0]["sha256"], found[2]["problems"]) == (CHEST.sha256, "unreadable")


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_name_that_is_no_utf_8_is_escaped_in_json_and_tables(ending: str, film: Path, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/lat\xe9ral.png"))
    film.rename(odd)
    table = tmp_path / f"table{ending}"
    result = run(odd, film.parent / "none.png", "--task", "chest-xray", "--output", table, "--json")
    assert rows(result)[0]["path"].endswith("lat\\udce9ral.png")
    found = read_table(table)
    assert found[0]["path"] == rows(result)[0]["path"]
    assert found[-1]["status"] == "unreadable"


def test_a_console_without_the_letters_of_a_name_gets_them_escaped(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    command = [*PROGRAM, tmp_path / "R\u00f6ntgen \u80f8.png", "--task", "chest-xray"]
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert done.returncode == 1
    assert b"R\xf6ntgen \\u80f8.png" in done.stdout
    assert b"Traceback" not in done.stderr


def read_table(file: Path) -> Sequence[dict[str, Any]]:
    if file.suffix == ".parquet":
        return list(parquet.read_table(file).to_pylist())
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_for_people_a_refusal_tells_its_code_and_indecision_what_is_possible(film: Path) -> None:
    told = run(film).stdout
    assert f"{film}: refused (task_undetermined). The file does not say" in told
    findings = [
        {"label": label, "probability": 0.4, "threshold": 0.5, "presence": presence}
        for label, presence in (("glioma", "indeterminate"), ("meningioma", "indeterminate"), ("pituitary", "absent"))
    ]
    row = {"path": "a.png", "status": "answered", "findings": findings, "bundle": {}}
    line = _line({**row, "prediction_set": ["glioma", "meningioma"]})
    assert line.endswith("pituitary 0.40 (absent); possible: glioma, meningioma")
    assert _line({**row, "prediction_set": []}).endswith("pituitary 0.40 (absent)")


def test_for_people_a_line_tells_the_answer_and_stderr_the_limits_once(film: Path) -> None:
    result = run(film, film, "--task", "chest-xray")
    assert len(result.stdout.splitlines()) == 2
    assert f"{film}: pneumonia 0." in result.stdout
    assert result.stderr.count("not a medical device") == 1
    assert result.stderr.count("every other disease is missed") == 1


def test_an_empty_folder_is_unreadable_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty", "--task", "chest-xray")
    assert result.exit_code == 1
    assert "The folder holds no files" in result.stdout


def test_the_program_writes_json_and_nothing_else_to_stdout_and_ends_with_the_code(film: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, film, "--task", "chest-xray", "--json"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["status"] == "answered"


def test_a_bar_is_drawn_on_a_terminal_if_the_answers_go_elsewhere(tmp_path: Path) -> None:
    for number in range(3):
        save_film(tmp_path / f"{number}.png", number)
    ours, theirs = os.openpty()
    drawn = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        with os.fdopen(theirs, "wb", buffering=0) as stderr:
            command = [*PROGRAM, tmp_path, "--task", "chest-xray", "--json"]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=stderr, check=False)
        with suppress(OSError):  # so Linux tells that nothing is left
            while part := terminal.read(100_000):
                drawn += part
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 3
    assert b"Answering" in drawn
    assert b"100%" in drawn


def test_a_reader_that_goes_away_ends_the_program_without_a_trace(film: Path, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"{film}\n" * 200)
    with subprocess.Popen(
        [*PROGRAM, f"@{listed}", "--task", "chest-xray", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_ctrl_c_keeps_the_answers_so_far_and_leaves_no_trace_and_no_child(
    ending: str, film: Path, tmp_path: Path
) -> None:
    listed, table = tmp_path / "list.txt", tmp_path / f"table{ending}"
    listed.write_text(f"{film}\n" * 2000)
    command = [*PROGRAM, f"@{listed}", "--task", "chest-xray", "--json", "--output", table]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        below = children(process.pid)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        told = process.stderr.read()
    assert process.returncode == 130
    assert told.strip() == "radiolens: stopped."
    assert len(read_table(table)) >= 2
    assert below
    until(lambda: not any(map(is_alive, below)), timeout_s=5)


@needs_shared_data
def test_real_pictures_of_each_study_are_answered_in_order() -> None:
    films = sorted((SHARED / "chest-xray" / "images" / "nih").rglob("*.*"))[:3]
    found = answers(*films, "--task", "chest-xray")
    assert [(row["path"], row["status"]) for row in found] == [(str(film), "answered") for film in films]


@needs_shared_data
def test_a_real_mr_series_without_body_part_is_answered_if_the_study_is_named_and_else_asked_for() -> None:
    folder = SHARED / "dicom" / "mr" / "ge" / "anatomical" / "001"
    (row,) = answers(folder, "--task", "brain-mri", "--no-gate")
    assert row["path"] == str(min(folder.iterdir()))
    assert_mean_of_slices(row)
    (asked,) = answers(folder)
    assert [problem["code"] for problem in asked["problems"]] == [ProblemCode.TASK_UNDETERMINED]


@needs_shared_data
def test_a_real_ct_series_is_one_input_of_head_ct() -> None:
    result = run(SHARED / "dicom" / "ct-head-ge", "--json")
    series, licence = rows(result)
    assert series["task"] == "brain-ct"
    assert series["status"] == "answered"
    assert (licence["status"], result.exit_code) == ("unreadable", 1)  # the text beside the slices
