from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.audit.alignment import Flip
from radiolens.data.audit.balance import balance, distributions, one_sided, truth
from radiolens.data.audit.conflicts import contradict, contradictions, duplicate_groups, duplicate_pairs, leaks
from radiolens.data.audit.duplicates import Copies, Match
from radiolens.data.audit.page import Picture, ShownPair, render_page
from radiolens.data.audit.reading import FileProblem, ProblemKind
from radiolens.data.audit.record import FORMAT, as_json, write_groups
from radiolens.data.audit.report import AuditReport, DuplicateGroup, DuplicatePair, Severity, Shortcut
from radiolens.data.audit.shortcut import shortcuts
from radiolens.data.audit.summary import remarks
from radiolens.data.case import Case
from radiolens.evaluation.intervals import Interval
from radiolens.tasks import get_task
from tests.project.documents import table_column, text_of

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")


def finding(path: str, value: int | None, **facts: object) -> Case:
    return replace(Case(path, labels={"pneumonia": value, "tuberculosis": None}), **facts)  # type: ignore[arg-type]  # the facts are untyped here


def slice_of(path: str, *labels: str, **facts: object) -> Case:
    return replace(Case(path, possible=frozenset(labels)), **facts)  # type: ignore[arg-type]  # the facts are untyped here


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (finding("a", 1), finding("b", 0), True),
        (finding("a", 1), finding("b", None), False),
        (slice_of("a", "glioma"), slice_of("b", "no_tumour"), True),
        (slice_of("a", "glioma"), slice_of("b", "glioma", "pituitary"), False),
        (slice_of("a", "glioma"), slice_of("b"), False),
    ],
)
def test_labels_contradict_only_where_both_are_annotated(first: Case, second: Case, expected: bool) -> None:
    assert contradict(first, second) is contradict(second, first) is expected


def test_a_pair_says_what_it_crosses_and_the_most_urgent_comes_first() -> None:
    cases = [
        slice_of("a", "glioma", source="s", split="train", fold=1, patient_id="1"),
        slice_of("b", "glioma", source="s", split="train", fold=1, patient_id="1"),
        slice_of("c", "no_tumour", source="t", split="test", fold=2, patient_id="1"),
    ]
    pairs = duplicate_pairs(cases, [Match(0, 1, Copies.FILE), Match(0, 2, Copies.PICTURE, Flip.LEFT_RIGHT, 0.95)])
    assert [(pair.second, pair.across, pair.known, pair.contradiction) for pair in pairs] == [
        ("c", ("split", "fold", "patient", "source"), False, True),
        ("b", (), True, False),
    ]


def test_proposed_groups_take_in_those_of_the_manifest() -> None:
    cases = [
        Case("a", "s", duplicate_group="1"),
        Case("b", "s", duplicate_group="1"),
        Case("c", "t", duplicate_group="1"),
        Case("d", "t"),
    ]
    (group,) = duplicate_groups(cases, [Match(1, 3, Copies.PICTURE)])
    assert group.paths == ("a", "b", "d")
    assert group.name.startswith("audit:")


def test_leaks_are_told_for_splits_and_for_folds_with_hashed_ids() -> None:
    cases = [
        Case("a", "s", patient_id="Jane Doe", split="train", fold=1),
        Case("b", "s", patient_id="Jane Doe", split="test", fold=1),
        Case("c", "s", duplicate_group="x", split="train", fold=1),
        Case("d", "s", duplicate_group="x", split="train", fold=2),
    ]
    found = leaks(cases)
    assert [leak.part for leak in found] == ["split", "fold"]
    assert all(len(leak.hashed_ids) == 1 and "Jane" not in leak.hashed_ids[0] for leak in found)
    assert leaks(cases[:1]) == ()


def test_a_patient_with_labels_that_exclude_each_other_is_told_for_exclusive_tasks_only() -> None:
    cases = [slice_of("a", "glioma", patient_id="1"), slice_of("b", "pituitary", patient_id="1")]
    (found,) = contradictions(cases, MRI)
    assert (found.labels, found.images) == (("glioma", "pituitary"), 2)
    assert contradictions([finding("a", 1, patient_id="1"), finding("b", 0, patient_id="1")], CHEST) == ()


def test_what_is_possible_but_not_certain_is_no_answer() -> None:
    unspecified = slice_of("a", "glioma", "meningioma", "pituitary")
    assert [truth(unspecified, label, MRI) for label in MRI.label_names] == [None, None, None, False]
    assert truth(slice_of("a"), "glioma", MRI) is None
    assert [truth(finding("a", value), "pneumonia", CHEST) for value in (1, 0, None)] == [True, False, None]


def test_balance_counts_each_source_label_and_split() -> None:
    cases = [
        slice_of("a", "glioma", source="s", split="train"),
        slice_of("b", "glioma", source="s", split="test"),
        slice_of("c", "glioma", "pituitary", source="t"),
        slice_of("d", source="t"),
    ]
    rows = {(row.source, row.label): dict(row.counts) for row in balance(cases, MRI)}
    assert rows == {
        ("s", "glioma"): {"train": 1, "test": 1},
        ("t", "glioma or pituitary"): {"": 1},
        ("t", "not annotated"): {"": 1},
    }
    assert {row.label for row in balance([finding("a", 1)], CHEST)} == {
        "pneumonia present",
        "tuberculosis not annotated",
    }


def test_ages_come_in_bands_and_only_where_a_source_gives_them() -> None:
    cases = [
        finding("a", 1, source="s", age=4.9),
        finding("b", 1, source="s", age=65.0),
        finding("c", 1, source="s"),
        finding("d", 1, source="t", sex="F"),
        finding("e", 1, source="s", age=float("nan")),
    ]
    found = {
        (row.attribute, row.source): dict(row.counts) for row in distributions(cases, CHEST) if "pneu" in row.label
    }
    assert found == {
        ("age", "s"): {"65 and over": 1, "not stated": 2, "under 5": 1},
        ("sex", "t"): {"F": 1},
    }


def test_a_source_with_one_answer_is_told_where_others_have_the_other() -> None:
    cases = [finding("a", 1, source="s"), finding("b", 1, source="s"), finding("c", 0, source="t")]
    assert [(found.source, found.answer, found.images) for found in one_sided(cases, CHEST)] == [
        ("s", "present", 2),
        ("t", "absent", 1),
    ]
    assert one_sided(cases[:2], CHEST) == ()


def test_a_brightness_that_betrays_class_and_source_is_told_and_noise_is_not(rng: np.random.Generator) -> None:
    cases = [finding(str(n), n % 2, source="s" if n % 2 else "t", patient_id=str(n)) for n in range(120)]
    noise = rng.normal(0, 1, (120, 12))
    betraying = noise.copy()
    betraying[:, 10] += 6 * (np.arange(120) % 2)
    told = {(found.about, found.question): found for found in shortcuts(CHEST, cases, betraying, range(120))}
    assert set(told) == {("class", "pneumonia"), ("source", "s"), ("source", "t")}
    assert all(found.auroc.low > 0.75 and "strong" in found.verdict for found in told.values())
    honest = shortcuts(CHEST, cases, noise, range(120))
    assert all(found.verdict == "Borders and brightness tell little." for found in honest)


def test_a_question_with_too_few_images_or_groups_is_not_judged() -> None:
    few = [finding(str(n), n % 2) for n in range(20)]
    assert shortcuts(CHEST, few, np.zeros((20, 12)), range(20)) == ()
    one_group = [finding(str(n), n % 2) for n in range(60)]
    (found,) = shortcuts(CHEST, one_group, np.zeros((60, 12)), [0] * 60)
    assert np.isnan(found.auroc.estimate)
    assert "Too few patients" in found.verdict


PAIR = DuplicatePair(
    "a<script>", "b\u202e\n.png", Copies.PICTURE, Flip.LEFT_RIGHT, 0.97, False, ("split", "fold"), True
)


def report(**facts: object) -> AuditReport:
    shortcut = Shortcut(
        "class", "pneumonia", "", 30, 40, 70, Interval(0.9, 0.85, 0.94, 0.95, "bootstrap"), "A strong one."
    )
    undefined = replace(shortcut, within="s", auroc=Interval(*[float("nan")] * 4, "none"))
    cases = [finding("a", 1, source="s", age=3.0, split="train"), finding("b", 0, source="t")]
    told = AuditReport(
        manifest="m.csv",
        task="chest-xray",
        images=3,
        readable=2,
        embedding="net 1",
        remarks=(),
        files=(FileProblem("c", ProblemKind.UNREADABLE, "Damaged."),),
        pairs=(PAIR,),
        groups=(DuplicateGroup("audit:1", ("a<script>", "b")),),
        leaks=(),
        contradictions=(),
        balance=balance(cases, CHEST),
        distributions=distributions(cases, CHEST),
        one_sided=one_sided(cases, CHEST),
        shortcuts=(shortcut, undefined),
    )
    found = remarks(told.files, told.pairs, told.leaks, told.contradictions, told.one_sided, told.shortcuts)
    return replace(replace(told, remarks=found), **facts)  # type: ignore[arg-type]  # the facts are untyped here


def test_the_summary_puts_problems_first_and_says_what_to_do() -> None:
    found = report().remarks
    assert [remark.code for remark in found] == [
        "unreadable_files",
        "duplicates_across_splits",
        "duplicates_across_folds",
        "contradicting_duplicates",
        "unknown_duplicates",
        "one_sided_source",
        "one_sided_source",
        "class_shortcut",
    ]
    assert all(remark.advice.endswith(".") and remark.count for remark in found)
    assert not report().clean
    assert report(remarks=()).clean


def test_copies_that_are_kept_together_already_are_only_information() -> None:
    (remark,) = remarks((), (replace(PAIR, known=True, across=(), contradiction=False),), (), (), (), ())
    assert (remark.severity, remark.message) == (
        Severity.INFORMATION,
        "1 pair of copies of one patient or duplicate group, as the manifest has it.",
    )


def test_the_json_keeps_its_keys_and_writes_what_is_undefined_as_null() -> None:
    written = json.loads(json.dumps(as_json(report()), allow_nan=False))
    assert written["format"] == FORMAT
    assert list(written) == [
        "format",
        "clean",
        "manifest",
        "task",
        "images",
        "readable",
        "embedding",
        "remarks",
        "files",
        "pairs",
        "groups",
        "leaks",
        "contradictions",
        "balance",
        "distributions",
        "one_sided",
        "shortcuts",
    ]
    assert written["pairs"][0]["flip"] == "left-right"
    assert written["pairs"][0]["across"] == ["split", "fold"]
    assert written["files"] == [{"path": "c", "kind": "unreadable", "reason": "Damaged."}]
    assert written["shortcuts"][1]["auroc"]["estimate"] is None


def test_every_key_of_the_json_is_documented() -> None:
    assert set(as_json(report())) == set(table_column(text_of("docs/data.md"), "Audit"))


def test_groups_are_written_as_a_row_for_each_image(tmp_path: Path) -> None:
    write_groups(report(), tmp_path / "new" / "groups.csv")
    with (tmp_path / "new" / "groups.csv").open(newline="") as stream:
        assert list(csv.reader(stream)) == [["path", "duplicate_group"], ["a<script>", "audit:1"], ["b", "audit:1"]]


def test_the_page_escapes_names_and_loads_nothing() -> None:
    pictures = tuple(Picture(path, "data:image/jpeg;base64,AA==", 150, 100) for path in (PAIR.first, PAIR.second))
    page = render_page(report(), [ShownPair(PAIR, pictures)])
    assert "a<script>" not in page
    assert "a&lt;script&gt;" in page
    assert "\u202e" not in page
    assert "http://" not in page
    assert "https://" not in page
    for told in ("not a medical device", "Labels contradict.", "Across split, fold.", "Damaged.", "0.90 (0.85"):
        assert told in page


def test_the_page_of_a_clean_set_says_so() -> None:
    page = render_page(report(remarks=(), files=(), pairs=(), groups=(), shortcuts=(), distributions=()), [])
    for told in ("Nothing was found", "Every listed file is there", "No two images are the same", "No question has 20"):
        assert told in page
