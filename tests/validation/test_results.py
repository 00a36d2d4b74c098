"""The files of a study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from radiolens.data.manifest import Case
from radiolens.validation.questions import Scored, questions
from radiolens.validation.results import as_json, draw_curves, write_evaluation, write_predictions
from radiolens.validation.study import Plan, measure
from tests.validation.scored_cases import CHEST, MRI, THRESHOLDS, chest, grey_pictures, slices


def rows_of(file: Path) -> list[dict[str, Any]]:
    return list(parquet.read_table(file).to_pylist())


def test_predictions_tell_annotation_and_probability_by_the_name_of_the_label(tmp_path: Path) -> None:
    labels = {"pneumonia": 1, "tuberculosis": None}
    cases = (Case(path="a,b.png", source="children", split="test", fold=3, labels=labels),)
    scored = Scored(cases, np.asarray([[0.25, np.nan]]), grey_pictures(1))
    assert rows_of(write_predictions(CHEST, scored, tmp_path / "new")) == [
        {
            "path": "a,b.png",
            "source": "children",
            "split": "test",
            "fold": 3,
            "label:pneumonia": 1,
            "label:tuberculosis": None,
            "probability:pneumonia": 0.25,
            "probability:tuberculosis": None,
        }
    ]


def test_predictions_of_an_exclusive_task_name_the_possible_labels(tmp_path: Path) -> None:
    scored = Scored(slices(["pituitary|glioma", ""]), np.full((2, 4), 0.25), grey_pictures(2))
    first, second = rows_of(write_predictions(MRI, scored, tmp_path))
    assert (first["label"], second["label"]) == ("glioma|pituitary", None)
    assert first["probability:no_tumour"] == 0.25


def test_a_probability_survives_the_table_exactly(tmp_path: Path) -> None:
    scored = chest(40)
    found = [row["probability:pneumonia"] for row in rows_of(write_predictions(CHEST, scored, tmp_path))]
    assert found == scored.probabilities[:, 0].tolist()


def test_evaluation_json_replaces_an_older_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    study = measure(
        CHEST, chest(40), THRESHOLDS, Plan(resamples=10, trees=5, settings={"command": "radiolens evaluate"})
    )
    for _ in range(2):
        file = write_evaluation(as_json(study), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation.json"]
    content = json.loads(file.read_text())
    assert content["settings"]["command"] == "radiolens evaluate"
    assert {row["question"] for row in content["binary"]} == {"pneumonia", "tuberculosis"}


@pytest.mark.parametrize(("count", "rows"), [(0, 1), (2, 1), (800, 2)])
def test_curves_are_drawn_in_a_row_for_each_question_that_both_classes_answer(
    count: int, rows: int, tmp_path: Path
) -> None:
    asked = questions(CHEST, chest(count), THRESHOLDS) if count else ()
    with Image.open(draw_curves(asked, tmp_path)) as picture:
        width, height = picture.size
        assert round(height / (width / 2.5)) == rows  # three squares and their legends in a row
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10
