"""Tables of scores and outcomes as sites have them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from radiolens.bundle import InstalledBundle, read_bundle
from radiolens.cli.result_files import COLUMNS
from radiolens.errors import BundleError, DatasetError, InvalidManifest
from radiolens.validation.planning.local_scores import Columns, read_local_scores
from tests.tiny_bundle import make_bundle

Rows = Sequence[Mapping[str, object]]


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory) -> InstalledBundle:
    return read_bundle(make_bundle(tmp_path_factory.mktemp("bundles")))


@pytest.fixture(scope="module")
def brain(tmp_path_factory: pytest.TempPathFactory) -> InstalledBundle:
    return read_bundle(make_bundle(tmp_path_factory.mktemp("bundles"), "brain-mri"))


def write(file: Path, rows: Rows) -> Path:
    """Write a table with the columns of its first row, CSV or Parquet by the ending."""
    if file.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), file)
        return file
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def plain(count: int = 4, **columns: object) -> list[dict[str, object]]:
    """Return rows of a table with scores and outcomes; a column given as a list has a value for each row."""
    rows: list[dict[str, object]] = [
        {"path": f"{number}.png", "score": number / 10, "outcome": number % 2} for number in range(count)
    ]
    for name, values in columns.items():
        for number, row in enumerate(rows):
            row[name] = values[number] if isinstance(values, list) else values
    return rows


def answers(installed: InstalledBundle, scores: Mapping[str, Mapping[str, float]], **changes: str) -> Rows:
    """Return the rows that `radiolens predict --output` writes for these inputs."""
    bundle = installed.bundle
    empty = dict.fromkeys(COLUMNS, "")
    told = {"status": "answered", "bundle": bundle.name, "version": bundle.version, "sha256": installed.sha256}
    return [
        empty | told | {"path": path, "task": bundle.task, "label": label, "probability": value} | changes
        for path, labels in scores.items()
        for label, value in labels.items()
    ]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_scores_outcomes_patients_and_groups_are_read_row_by_row(
    ending: str, chest: InstalledBundle, tmp_path: Path
) -> None:
    rows = plain(patient_id=["a", "a", "b", ""], source=["x", "x", "y", "y"], sex=["F", "M", "", "F"])
    local = read_local_scores(write(tmp_path / f"t{ending}", rows), chest, "tuberculosis", Columns(by=("sex",)))
    assert local.cases.truth.tolist() == [False, True, False, True]
    assert local.cases.scores.tolist() == [0.0, 0.1, 0.2, 0.3]
    assert local.cases.patient_count == 3
    assert local.cases.attributes["sex"].tolist() == ["F", "M", "not stated", "F"]
    assert local.cases.callable_rows.all()
    (remark,) = local.remarks
    assert f"that it was chest-xray 0.0.1 ({chest.sha256[:12]}) is taken on your word" in remark


def test_a_patient_id_of_two_sources_names_two_patients(chest: InstalledBundle, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", plain(patient_id="1", source=["x", "x", "y", "y"]))
    assert read_local_scores(file, chest, "tuberculosis").cases.patient_count == 2


def test_the_columns_can_be_called_anything(chest: InstalledBundle, tmp_path: Path) -> None:
    rows = [{"p": 0.2, "truth": 1, "who": "a"}, {"p": 0.4, "truth": 0, "who": "a"}]
    columns = Columns(score="p", outcome="truth", patient="who")
    local = read_local_scores(write(tmp_path / "t.csv", rows), chest, "pneumonia", columns)
    assert (local.cases.truth.tolist(), local.cases.patient_count) == ([True, False], 1)


def test_only_the_rows_that_are_asked_for_count_and_what_is_left_out_is_told(
    chest: InstalledBundle, tmp_path: Path
) -> None:
    rows = plain(6, source=["x", "x", "x", "x", "y", "y"])
    rows[1]["outcome"] = ""
    rows[2]["score"] = ""
    file = write(tmp_path / "t.csv", rows)
    local = read_local_scores(file, chest, "tuberculosis", Columns(where={"source": "x"}))
    assert local.cases.scores.tolist() == [0.0, 0.3]
    assert local.origin == "t.csv, source=x"
    told = " ".join(local.remarks)
    assert "1 rows have no score and do not count." in told
    assert "1 scored images have no outcome and do not count." in told
    assert "No column names the patients" in told


def test_the_table_of_predict_is_joined_with_outcomes_by_path_and_speaks_of_answered_images(
    chest: InstalledBundle, tmp_path: Path
) -> None:
    scores = {f"films/{number}.png": {"pneumonia": 0.5, "tuberculosis": number / 10} for number in range(4)}
    refused = answers(chest, {"films/r.png": {"": 0.0}}, status="refused", probability="", sha256="", bundle="")
    table = write(tmp_path / "scores.csv", [*answers(chest, scores), *refused])
    outcomes = write(
        tmp_path / "outcomes.csv",
        [{"path": f"films/{number}.png", "tuberculosis": number % 2, "sex": "F"} for number in (3, 1, 0, 7)],
    )
    local = read_local_scores(table, chest, "tuberculosis", Columns(by=("sex",)), outcomes)
    assert local.cases.scores.tolist() == [0.0, 0.1, 0.3]
    assert local.cases.truth.tolist() == [False, True, True]
    assert local.origin == "scores.csv with outcomes.csv"
    told = " ".join(local.remarks)
    assert "1 images were refused or unreadable" in told
    assert "1 scored images are not among the outcomes" in told
    assert "1 outcomes have no score" in told
    assert "your word" not in told


def test_a_manifest_elsewhere_is_joined_by_the_file_that_both_name(
    chest: InstalledBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    scores = {"set/a.png": {"tuberculosis": 0.2}, f"{tmp_path}/set/b.png": {"tuberculosis": 0.4}}
    table = write(tmp_path / "scores.parquet", answers(chest, scores))
    manifest = write(
        tmp_path / "set" / "manifest.csv",
        [{"path": "a.png", "label:tuberculosis": 1}, {"path": "b.png", "label:tuberculosis": 0}],
    )
    local = read_local_scores(table, chest, "tuberculosis", outcomes=manifest)
    assert local.cases.truth.tolist() == [True, False]


def test_scores_of_another_bundle_are_refused_with_both_identities(
    chest: InstalledBundle, brain: InstalledBundle, tmp_path: Path
) -> None:
    rows = answers(chest, {"a.png": {"tuberculosis": 0.5}}, sha256="0" * 64, version="9.9.9")
    with pytest.raises(
        BundleError,
        match=rf"of chest-xray 9\.9\.9 \(000000000000\), expected chest-xray 0\.0\.1 \({chest.sha256[:12]}\)",
    ):
        read_local_scores(write(tmp_path / "scores.csv", rows), chest, "tuberculosis")
    named = write(tmp_path / "t.csv", plain(bundle_sha256=brain.sha256))
    with pytest.raises(BundleError, match=r"radiolens predict IMAGES --task chest-xray --output t\.csv"):
        read_local_scores(named, chest, "tuberculosis")
    own = write(tmp_path / "own.csv", plain(bundle_sha256=chest.sha256, patient_id="a"))
    assert read_local_scores(own, chest, "tuberculosis").remarks == ()


def test_the_predictions_of_a_study_are_checked_by_the_study_beside_them(
    chest: InstalledBundle, tmp_path: Path
) -> None:
    rows = [{"path": "a", "label:tuberculosis": 1, "probability:tuberculosis": 0.5, "patient_id": "p"}]
    file = write(tmp_path / "predictions.parquet", rows)
    settings = {"name": "chest-xray", "version": "0.0.1", "bundle": chest.sha256}
    study = tmp_path / "evaluation.json"
    study.write_text(json.dumps({"settings": settings}))
    assert read_local_scores(file, chest, "tuberculosis").remarks == ()
    study.write_text(json.dumps({"settings": settings | {"bundle": "1" * 64}}))
    with pytest.raises(BundleError, match=r"of chest-xray 0\.0\.1 \(111111111111\), expected"):
        read_local_scores(file, chest, "tuberculosis")
    study.write_text("{}")
    with pytest.raises(DatasetError, match="not a study of `radiolens evaluate`"):
        read_local_scores(file, chest, "tuberculosis")


def test_an_exclusive_label_can_be_called_only_where_it_is_the_likeliest(
    brain: InstalledBundle, tmp_path: Path
) -> None:
    labels = brain.bundle.labels
    scores = {"a": (0.6, 0.2, 0.1, 0.1), "b": (0.3, 0.4, 0.2, 0.1), "c": (0.4, 0.3, 0.2, 0.1)}
    table = write(
        tmp_path / "scores.csv",
        answers(brain, {path: dict(zip(labels, values, strict=True)) for path, values in scores.items()}),
    )
    manifest = write(
        tmp_path / "manifest.csv",
        [{"path": "a", "label": "glioma"}, {"path": "b", "label": "meningioma"}, {"path": "c", "label": "no_tumour"}],
    )
    local = read_local_scores(table, brain, "glioma", outcomes=manifest)
    assert local.cases.truth.tolist() == [True, False, False]
    assert local.cases.callable_rows.tolist() == [True, False, True]
    assert "at most 1 of 1 positives can be found" in " ".join(local.remarks)
    wide = [
        {"label": "glioma|meningioma"}
        | {f"probability:{name}": value for name, value in zip(labels, values, strict=True)}
        for values in scores.values()
    ]
    wide[0]["label"], wide[1]["label"] = "glioma", "pituitary|no_tumour"
    local = read_local_scores(write(tmp_path / "wide.csv", wide), brain, "glioma")
    assert (local.cases.truth.tolist(), local.cases.callable_rows.tolist()) == ([True, False], [True, False])
    np.testing.assert_allclose(local.cases.scores, [0.6, 0.3])


def test_an_exclusive_label_needs_the_scores_of_all(brain: InstalledBundle, tmp_path: Path) -> None:
    with pytest.raises(
        InvalidManifest, match=r"glioma is only called where it is the likeliest.*probability:meningioma"
    ):
        read_local_scores(write(tmp_path / "t.csv", plain()), brain, "glioma")


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (plain(outcome=["1", "yes", "0", "0"]), Columns(), r"row 2, column 'outcome': found 'yes', expected 1, 0 or"),
        (plain(outcome=["1", "2", "0", "0"]), Columns(), "found '2', expected 1, 0 or nothing"),
        (plain(score=["0.1", "1.5", "0", "0"]), Columns(), r"row 2, column 'score': found '1\.5', expected a probab"),
        (plain(score=["0.1", "nan", "0", "0"]), Columns(), "found 'nan', expected a probability from 0 to 1"),
        (plain(score=["0.1", "high", "0", "0"]), Columns(), "found 'high', expected a probability"),
        (plain(), Columns(score="p"), r"there is no column 'p'.*columns path, score, outcome.*--score COLUMN"),
        (plain(), Columns(outcome="q"), r"there is no column 'q'.*--outcome COLUMN"),
        (plain(), Columns(by=("sex",)), r"there is no column 'sex'; there are path, score, outcome"),
        (plain(), Columns(patient="who"), "there is no column 'who'"),
        (plain(), Columns(where={"source": "x"}), "there is no column 'source'"),
        ([{"path": "a", "score": 0.5}], Columns(), r"there is no column 'label:tuberculosis'.*--outcome COLUMN"),
        ([{"path": "a", "outcome": 1}], Columns(), r"there is no column 'score'.*--score COLUMN"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(
    rows: Rows, columns: Columns, message: str, chest: InstalledBundle, tmp_path: Path
) -> None:
    with pytest.raises(InvalidManifest, match=message):
        read_local_scores(write(tmp_path / "t.csv", rows), chest, "tuberculosis", columns)


def test_a_label_of_another_bundle_is_refused_with_those_there_are(chest: InstalledBundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no label 'glioma'; its labels are pneumonia, tuberculosis"):
        read_local_scores(write(tmp_path / "t.csv", plain()), chest, "glioma")


def test_tables_without_a_path_in_common_show_one_of_each(chest: InstalledBundle, tmp_path: Path) -> None:
    table = write(tmp_path / "s.csv", answers(chest, {"x/a.png": {"tuberculosis": 0.5}}))
    outcomes = write(tmp_path / "o.csv", plain())
    with pytest.raises(DatasetError, match=r"no path in common: found 'x/a\.png' in one, '0\.png' in the other"):
        read_local_scores(table, chest, "tuberculosis", outcomes=outcomes)


def test_an_image_that_stands_twice_is_refused(chest: InstalledBundle, tmp_path: Path) -> None:
    row = answers(chest, {"a.png": {"tuberculosis": 0.5}})
    with pytest.raises(InvalidManifest, match=r"row 2: 'a\.png' has another row of tuberculosis"):
        read_local_scores(write(tmp_path / "s.csv", [*row, *row]), chest, "tuberculosis")
    table = write(tmp_path / "s.csv", row)
    twice = write(tmp_path / "o.csv", [{"path": "a.png", "outcome": 1}] * 2)
    with pytest.raises(InvalidManifest, match=r"row 2, column 'path': 'a\.png' stands twice"):
        read_local_scores(table, chest, "tuberculosis", outcomes=twice)
    doubled = tmp_path / "d.csv"
    doubled.write_text("score,score,outcome\n0.1,0.2,1\n")
    with pytest.raises(InvalidManifest, match="column 'score': the column stands twice"):
        read_local_scores(doubled, chest, "tuberculosis")


def test_an_image_that_is_scored_twice_in_any_table_is_refused(chest: InstalledBundle, tmp_path: Path) -> None:
    rows = plain(path=["a.png", "b.png", "a.png", "c.png"])
    with pytest.raises(
        InvalidManifest, match=r"row 3: 'a\.png' has another row of tuberculosis; score every image once"
    ):
        read_local_scores(write(tmp_path / "t.csv", rows), chest, "tuberculosis")
    rows[0]["score"] = ""
    assert read_local_scores(write(tmp_path / "t.csv", rows), chest, "tuberculosis").cases.scores.size == 3
    unnamed = write(tmp_path / "u.csv", plain(path=""))
    assert read_local_scores(unnamed, chest, "tuberculosis").cases.scores.size == 4


def test_a_table_with_a_row_for_each_finding_can_be_told_by_its_finding(chest: InstalledBundle, tmp_path: Path) -> None:
    rows = plain(path=["a.png", "a.png", "b.png", "b.png"], label=["pneumonia", "tuberculosis"] * 2)
    file = write(tmp_path / "t.csv", rows)
    columns = Columns(where={"label": "tuberculosis"})
    assert read_local_scores(file, chest, "tuberculosis", columns).cases.scores.tolist() == [0.1, 0.3]


def test_a_table_that_leaves_nothing_is_refused(chest: InstalledBundle, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", plain(outcome="", source="x"))
    with pytest.raises(DatasetError, match="no row is left that has a score and an outcome"):
        read_local_scores(file, chest, "tuberculosis")
    other = write(tmp_path / "p.csv", answers(chest, {"a": {"pneumonia": 0.5}}))
    with pytest.raises(DatasetError, match=r"no answered image has a row of tuberculosis\. Score images of chest-xray"):
        read_local_scores(other, chest, "tuberculosis")
