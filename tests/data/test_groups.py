from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiolens.data.case import Case
from radiolens.data.groups import read_groups, with_groups
from radiolens.data.splits import check_no_leakage, cut
from radiolens.errors import DatasetError, InvalidManifest, PatientLeakage


def test_groups_of_an_audit_link_across_sources() -> None:
    cases = [Case("a", "one", split="train"), Case("b", "two", split="test"), Case("c", "two", split="test")]
    check_no_leakage(cases)
    linked = with_groups(cases, {"a": "audit:1", "b": "audit:1"})
    assert [case.duplicate_group for case in linked] == ["audit:1", "audit:1", ""]
    with pytest.raises(PatientLeakage, match="1 patients or duplicate groups stand in more than one split"):
        check_no_leakage(linked)


def test_what_was_linked_before_stays_linked() -> None:
    cases = [Case("a", "s", duplicate_group="x"), Case("b", "s", duplicate_group="x"), Case("c", "s"), Case("d", "s")]
    linked = with_groups(cases, {"b": "audit:2", "c": "audit:2"})
    assert [case.duplicate_group for case in linked] == ["audit:2", "audit:2", "audit:2", ""]


def test_two_groups_that_an_older_one_joins_become_one() -> None:
    cases = [Case(name, "s", duplicate_group="x" if name in "bc" else "") for name in "abcd"]
    linked = with_groups(cases, {"a": "audit:1", "b": "audit:1", "c": "audit:2", "d": "audit:2"})
    assert {case.duplicate_group for case in linked} == {"audit:1"}


def test_a_patient_is_no_duplicate() -> None:
    cases = [Case("a", "s", patient_id="p"), Case("b", "s", patient_id="p"), Case("c", "s")]
    linked = with_groups(cases, {"b": "audit:1", "c": "audit:1"})
    assert [case.duplicate_group for case in linked] == ["", "audit:1", "audit:1"]
    assert [case.patient_id for case in linked] == ["p", "p", ""]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.sampled_from(["", "1", "2", "3"]),
            st.sampled_from(["", "x", "y"]),
            st.integers(0, 6),
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 2**32 - 1),
    st.sampled_from("abc"),
)
def test_no_group_across_sources_is_cut(rows: list[tuple[str, str, str, int]], seed: int, tested: str) -> None:
    cases = [
        Case(str(index), source, patient_id=patient, duplicate_group=group)
        for index, (source, patient, group, _) in enumerate(rows)
    ]
    cases.append(Case("given", tested, split="test"))
    found = {str(index): f"audit:{audit}" for index, (*_, audit) in enumerate(rows) if audit}
    linked = with_groups(cases, found)
    done = cut(linked, (0.6, 0.2, 0.2), folds=2, seed=seed)
    check_no_leakage(done)
    # and under each kind of link alone
    check_no_leakage(
        [replace(case, duplicate_group=old.duplicate_group) for case, old in zip(done, cases, strict=True)]
    )
    check_no_leakage([replace(case, duplicate_group=found.get(case.path, "")) for case in done])
    assert not [case for case in done if case.split == "test" and case.source == tested and case.path != "given"]


def test_groups_that_are_not_an_audits_or_of_another_manifest_are_refused() -> None:
    with pytest.raises(DatasetError, match="found the group 'x', expected a name that begins with 'audit:'"):
        with_groups([Case("a")], {"a": "x"})
    with pytest.raises(DatasetError, match="1 paths of the groups are not in the manifest, such as 'b'"):
        with_groups([Case("a")], {"b": "audit:1"})


def test_a_table_of_groups_is_read(tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("path,duplicate_group\na.png,audit:1\nb.png,audit:1\n")
    assert read_groups(file) == {"a.png": "audit:1", "b.png": "audit:1"}
    file.write_text("path,duplicate_group\n")
    assert read_groups(file) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"path,group\na,b\n", "found the columns path, group, expected path, duplicate_group"),
        (b"path,duplicate_group\na,\n", "row 1: expected a path that stands nowhere else, and its group"),
        (b"path,duplicate_group\na,b\na,c\n", "row 2: expected a path"),
        (b"path,duplicate_group\na\n", "row 1: expected a path"),
        (b"\xff", "cannot be read as CSV"),
    ],
)
def test_a_table_that_is_none_is_told(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "groups.csv"
    file.write_bytes(content)
    with pytest.raises(InvalidManifest, match=message):
        read_groups(file)
