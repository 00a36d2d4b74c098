"""Files of a plan: what they hold, and that a profile takes its threshold from the plan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from radiolens.errors import BundleError
from radiolens.evaluation.cut_offs import Practice
from radiolens.evaluation.plan_profile import Subject, profile_of
from radiolens.evaluation.targets import WHO_TRIAGE_2014
from radiolens.evaluation.threshold_plan import LocalCases, ThresholdPlan, plan_threshold
from radiolens.evaluation.thresholds import Criterion, Rule
from radiolens.inference.profile_file import read_profile
from radiolens.prediction import BundleIdentity
from radiolens.validation.planning.plan_files import plan_json, write_plan

SUBJECT = Subject(
    BundleIdentity("chest-xray", "0.0.1", "ab" * 32),
    "tuberculosis",
    "clinic",
    "scores.csv",
    "2026-01-31",
    "radiolens thresholds ...",
    ("A remark on the table.",),
)


def planned(*costs: float) -> ThresholdPlan:
    random = np.random.default_rng(0)
    truth = np.arange(60) < 25
    scores = 1 / (1 + np.exp(-random.normal(2.0 * truth, 1.0)))
    sexes = {"sex": np.where(np.arange(60) < 50, "F", "M")}
    cases = LocalCases(truth, scores, np.arange(60).astype(str), np.ones(60, bool), sexes)
    return plan_threshold(cases, Rule(Criterion.SENSITIVITY, 0.8), Practice(0.1, *costs), 0.05, WHO_TRIAGE_2014)


def test_plan_json_holds_every_cut_off_and_null_for_what_is_not_defined() -> None:
    plan = planned()
    content = json.loads(json.dumps(plan_json(SUBJECT, plan), allow_nan=False))
    assert len(content["cut_offs"]) == len(plan.cut_offs)
    assert content["chosen"]["threshold"] == plan.chosen.threshold
    assert content["chosen"]["sensitivity"]["low"] == plan.chosen.sensitivity.low
    assert content["chosen"]["cost_per_1000"] is None
    assert content["bundle"]["sha256"] == "ab" * 32
    assert content["shortfalls"][0]["missing"] == plan.shortfalls[0].missing
    assert content["verdict"]["target"]["note"] == WHO_TRIAGE_2014.note
    assert content["remarks"][-1] == "A remark on the table."
    assert (content["rule"]["criterion"], content["label"], content["day"]) == (
        "sensitivity",
        "tuberculosis",
        "2026-01-31",
    )


def test_the_files_are_written_and_the_profile_is_of_the_bundle(tmp_path: Path) -> None:
    plan = planned(10, 1)
    written = write_plan(SUBJECT, plan, tmp_path / "deep" / "plan")
    assert [file.name for file in written] == ["plan.json", "plan.png", "profile.json"]
    assert {file.name for file in written[0].parent.iterdir()} == {"plan.json", "plan.png", "profile.json"}
    with PIL.Image.open(written[1]) as picture:
        assert picture.width > 1000
    profile = read_profile(written[2])
    assert profile == profile_of(SUBJECT, plan)
    assert profile.thresholds == {"tuberculosis": plan.chosen.threshold}
    assert (profile.bundle_sha256, profile.bundle_name, profile.bundle_version) == ("ab" * 32, "chest-xray", "0.0.1")


def test_a_profile_is_extended_and_one_of_another_bundle_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    plan = planned()
    former = profile_of(replace(SUBJECT, label="pneumonia"), plan)
    write_plan(SUBJECT, plan, tmp_path / "both", former)
    assert set(read_profile(tmp_path / "both" / "profile.json").thresholds) == {"pneumonia", "tuberculosis"}
    with pytest.raises(BundleError, match="The profile to extend is for bundle"):
        write_plan(SUBJECT, plan, tmp_path / "none", replace(former, bundle_sha256="cd" * 32))
    assert not (tmp_path / "none").exists()
