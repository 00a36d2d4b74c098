"""docs/contracts.md says what the code does."""

from __future__ import annotations

from radiolens.bundle import NETWORK_FILES
from radiolens.data.manifest import COLUMNS, SPLITS
from radiolens.prediction import Presence
from radiolens.quality import ADVICE, ProblemCode
from radiolens.tasks import TASKS
from tests.project.documents import table_column, text_of

CONTRACTS = text_of("docs/contracts.md")


def test_every_problem_code_is_documented_and_has_advice() -> None:
    assert set(table_column(CONTRACTS, "Problem codes")) == set(ProblemCode) == ADVICE.keys()


def test_every_task_is_documented_with_its_labels() -> None:
    assert table_column(CONTRACTS, "Names") == [task.name for task in TASKS]
    assert table_column(CONTRACTS, "Names", column=1) == [name for task in TASKS for name in task.label_names]


def test_every_manifest_column_and_split_is_documented() -> None:
    assert set(table_column(CONTRACTS, "Manifest")) == {*COLUMNS, "label:<name>", "label"}
    assert set(SPLITS) <= set(table_column(CONTRACTS, "Manifest", column=1))


def test_every_presence_is_documented() -> None:
    assert all(f"`{presence}`" in CONTRACTS for presence in Presence)


def test_every_file_of_a_bundle_is_documented() -> None:
    assert table_column(CONTRACTS, "Bundle") == ["bundle.json", *NETWORK_FILES, "evidence/"]


def test_a_task_without_a_released_network_says_why() -> None:
    for task in TASKS:
        for label in task.labels:
            assert label.released or label.why_unreleased.endswith(".")
