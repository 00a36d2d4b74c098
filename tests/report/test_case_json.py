"""The case as a JSON object."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

from radiolens.inference.record import prediction_from_record
from radiolens.report.case_json import FORMAT, case_object
from radiolens.report.content import ReportedImage
from tests.report.reported import CASE_ID, DISCLAIMER, TUBERCULOSIS, answered, record, refused, report

KEYS = {
    "format", "disclaimer", "case_id", "study", "received", "state", "hidden",
    "images", "answers", "diagnoses", "written", "written_by", "program",
}  # fmt: skip


def test_it_is_json_with_every_key_and_the_disclaimer() -> None:
    told = json.loads(json.dumps(case_object(report(answered(), refused()))))
    assert told.keys() == KEYS
    assert told["format"] == FORMAT
    assert told["disclaimer"] == DISCLAIMER
    assert told["case_id"] == CASE_ID
    assert told["state"] == "closed"


def test_a_prediction_is_the_contract_s_object_and_reads_back() -> None:
    (image,) = case_object(report())["images"]
    assert image["prediction"] == record()
    assert prediction_from_record({"path": "", **image["prediction"]}).finding("tuberculosis") == TUBERCULOSIS


def test_a_refused_image_has_its_problems() -> None:
    (image,) = case_object(report(refused()))["images"]
    assert image["outcome"] == "refused"
    assert [entry["code"] for entry in image["problems"]] == ["wrong_view"]


def test_readers_answers_are_told_with_their_stage() -> None:
    before, after = case_object(report())["answers"]
    assert before["stage"] == "before"
    assert before["presence"] == {"pneumonia": "absent", "tuberculosis": "indeterminate"}
    assert after["stage"] == "after"
    assert after["agreed"] is False
    assert after["reason"] == "Old scar"


def test_a_hidden_case_holds_no_prediction() -> None:
    told = case_object(report(ReportedImage(1, "hidden", ""), answers=(), diagnoses=(), hidden=True))
    assert told["hidden"] is True
    assert told["images"][0]["prediction"] is None


def test_times_are_in_utc() -> None:
    there = datetime(2026, 11, 26, 15, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert case_object(report(received=there))["received"] == "2026-11-26T09:30:00Z"
    assert case_object(report(received=datetime(2026, 11, 26, 9)))["received"] == "2026-11-26T09:00:00Z"  # noqa: DTZ001  SQLite's
