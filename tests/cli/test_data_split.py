from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["data", "split", *map(str, arguments)])


def column(file: Path, name: str) -> list[str]:
    with file.open() as stream:
        return [row[name] for row in csv.DictReader(stream)]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two images each of 40 patients; the last 10 patients are a given test split."""
    rows = [f"{n}.png,s,p{n // 2},{'test' if n >= 60 else ''},{n % 4 // 2}" for n in range(80)]
    file = tmp_path / "m.csv"
    file.write_text("\n".join(["path,source,patient_id,split,label:pneumonia", *rows]) + "\n")
    return file


def test_a_given_test_split_stays_and_the_rest_is_train_and_validation(manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "split.csv"
    result = run("chest-xray", manifest, output, "--json")
    assert result.exit_code == 0, result.output
    splits = column(output, "split")
    assert splits[60:] == ["test"] * 20
    assert splits[::2] == splits[1::2]
    assert {"train", "validation"} == set(splits[:60])
    rows = json.loads(result.stdout)
    assert [(row["split"], row["images"], row["groups"], row["pneumonia"]) for row in rows] == [
        ("test", 20, 10, 10),
        ("train", splits.count("train"), splits.count("train") // 2, pytest.approx(26, abs=2)),
        ("validation", splits.count("validation"), splits.count("validation") // 2, pytest.approx(4, abs=2)),
    ]
    assert "written" in result.stderr


def test_a_new_test_split_is_cut_when_asked(manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "split.csv"
    assert run("chest-xray", manifest, output, "--new-test").exit_code == 0
    splits = column(output, "split")
    assert splits[60:] != ["test"] * 20
    assert splits.count("test") == pytest.approx(16, abs=2)


def test_folds_number_everything_outside_of_test(manifest: Path, tmp_path: Path) -> None:
    output = tmp_path / "split.parquet"
    assert run("chest-xray", manifest, output, "--folds", 5).exit_code == 0
    again = tmp_path / "again.csv"
    assert run("chest-xray", output, again, "--folds", 5).exit_code == 0
    folds = column(again, "fold")
    assert folds[60:] == [""] * 20
    assert folds[:60:2] == folds[1:60:2]
    assert {folds.count(str(number)) for number in range(1, 6)} == {12}


def test_the_seed_decides(manifest: Path, tmp_path: Path) -> None:
    first, same, other = (tmp_path / f"{name}.csv" for name in ("first", "same", "other"))
    for output, seed in ((first, 1), (same, 1), (other, 2)):
        assert run("chest-xray", manifest, output, "--seed", seed).exit_code == 0
    assert first.read_text() == same.read_text() != other.read_text()


def test_nothing_is_written_over_without_force(manifest: Path) -> None:
    before = manifest.read_text()
    result = run("chest-xray", manifest, manifest)
    assert result.exit_code == 2
    assert "is there already" in result.output
    assert manifest.read_text() == before
    assert run("chest-xray", manifest, manifest, "--force").exit_code == 0
    assert manifest.read_text() != before


def test_a_check_writes_nothing_and_names_the_leaking_patients_hashed(manifest: Path) -> None:
    assert run("chest-xray", manifest, "--check").exit_code == 0
    leaking = manifest.read_text().replace("79.png,s,p39,test", "79.png,s,p39,train")
    manifest.write_text(leaking)
    result = run("chest-xray", manifest, "--check")
    assert result.exit_code == 1
    assert "1 patients or duplicate groups stand in more than one split" in result.stderr
    assert "p39" not in result.output
    assert manifest.read_text() == leaking


def test_a_given_test_split_with_a_patient_outside_is_refused(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(manifest.read_text().replace("59.png,s,p29", "59.png,s,p39"))
    result = run("chest-xray", manifest, tmp_path / "split.csv")
    assert result.exit_code == 1
    assert "given test or external split have other images outside" in result.stderr
    assert not (tmp_path / "split.csv").exists()
    assert run("chest-xray", manifest, tmp_path / "split.csv", "--new-test").exit_code == 0


@pytest.mark.parametrize(
    "fractions", [("0.5", "0.5", "0.5"), ("-0.1", "0.1", "1"), ("nan", "0.5", "0.5"), ("0", "0", "1")]
)
def test_fractions_that_are_none_are_wrong_usage(fractions: tuple[str, ...], manifest: Path, tmp_path: Path) -> None:
    result = run("chest-xray", manifest, tmp_path / "split.csv", "--fractions", *fractions)
    assert result.exit_code == 2
    assert "three fractions from 0 to 1 that sum to 1" in result.output


def test_an_output_and_a_check_exclude_each_other(manifest: Path, tmp_path: Path) -> None:
    assert run("chest-xray", manifest).exit_code == 2
    assert run("chest-xray", manifest, tmp_path / "x.csv", "--check").exit_code == 2


def test_a_manifest_written_elsewhere_must_stay_above_its_images(manifest: Path, tmp_path: Path) -> None:
    result = run("chest-xray", manifest, tmp_path / "elsewhere" / "split.csv")
    assert result.exit_code == 1
    assert "a manifest holds paths below its own folder" in result.stderr


def test_a_broken_manifest_is_told_with_row_and_column(manifest: Path) -> None:
    manifest.write_text("path,label:pneumonia\na.png,1\nb.png,yes\n")
    result = run("chest-xray", manifest, "--check")
    assert result.exit_code == 1
    assert "row 2, column 'label:pneumonia': found 'yes', expected 1, 0 or nothing" in result.stderr


def test_the_counts_are_a_table(manifest: Path) -> None:
    lines = run("chest-xray", manifest, "--check").stdout.splitlines()
    assert lines[0].split() == ["split", "source", "images", "groups", "pneumonia", "tuberculosis"]
    assert lines[1].split() == ["-", "s", "60", "30", "30", "0"]


def test_duplicates_that_an_audit_found_stay_together(manifest: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.csv"
    groups.write_text("path,duplicate_group\n" + "".join(f"{n}.png,audit:1\n" for n in range(0, 24, 2)))
    output = tmp_path / "split.csv"
    assert run("chest-xray", manifest, output, "--groups", groups).exit_code == 0
    assert set(column(output, "split")[:24]) == {"train"}
    assert column(output, "duplicate_group")[:2] == ["audit:1", ""]
    leaking = tmp_path / "leaking.csv"
    leaking.write_text("path,duplicate_group\n0.png,audit:1\n79.png,audit:1\n")
    assert run("chest-xray", output, "--check").exit_code == 0
    result = run("chest-xray", output, "--check", "--groups", leaking)
    assert result.exit_code == 1
    assert "stand in more than one split" in result.stderr


def test_a_split_that_stays_empty_is_told(tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    file.write_text("path,source,patient_id,label:pneumonia\na.png,s,1,0\nb.png,s,2,1\n")
    result = run("chest-xray", file, tmp_path / "split.csv", "--folds", 3)
    assert result.exit_code == 0
    assert "warning: 2 images of 2 patients or groups leave nothing for validation, test, fold 2, fold" in result.stderr
    assert "warning" not in run("chest-xray", file, tmp_path / "all.csv", "--fractions", 1, 0, 0).stderr
