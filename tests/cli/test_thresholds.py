"""`radiolens thresholds`, from scoring to the profile that another bundle refuses, with real bundles and films."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from radiolens.bundle import RELEASED, find_bundles, read_bundle
from radiolens.cli import cli
from radiolens.inference.profile_file import read_profile
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle, make_imported

FILMS = 40


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


def told(result: Result) -> str:
    """Return what stands on standard error, without the breaks of its lines."""
    return " ".join(result.stderr.split())


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a site's folder with chest-xray 9.0.0 installed, newer than the released one; it is worked in."""
    make_bundle(tmp_path / "home" / "bundles", version="9.0.0")
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of scores and outcomes, of two sexes, in which every fifth score misleads."""
    random = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("table") / "local.csv"
    rows = ["score,outcome,sex,patient_id"]
    for number in range(200):
        ill = number % 2
        score = random.beta(2, 4) if ill == (number % 5 == 0) else random.beta(4, 2)
        rows.append(f"{score:.6f},{ill},{'FM'[number // 100]},{number // 2}")
    file.write_text("\n".join(rows) + "\n")
    return file


def films(folder: Path) -> None:
    folder.mkdir()
    for number in range(FILMS):
        picture = chest_film(seed=number) * (0.4 + 0.6 * (number % 7) / 6)
        Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(folder / f"{number:02d}.png")


def outcomes(scores: Path, file: Path) -> None:
    """Write outcomes that fit the scores of tuberculosis but for every seventh film, with other columns beside."""
    with scores.open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["label"] == "tuberculosis"]
    middle = np.median([float(row["probability"]) for row in rows])
    lines = [
        f"{row['path']},{int((float(row['probability']) > middle) != (number % 7 == 0))},{'FM'[number % 2]}"
        for number, row in enumerate(rows)
    ]
    file.write_text("\n".join(["path,tuberculosis,sex", *lines]) + "\n")


def test_a_profile_made_for_one_bundle_is_refused_by_the_next_which_says_what_to_do(home: Path) -> None:
    films(home / "IMAGES")
    assert run("predict", "IMAGES", "--task", "chest-xray", "--output", "scores.csv").exit_code == 0
    outcomes(home / "scores.csv", home / "OUTCOMES.csv")
    rule = ("--sensitivity", "0.9", "--site", "clinic A", "--output", "plan")
    done = run("thresholds", "chest-xray", "scores.csv", "--outcomes", "OUTCOMES.csv", "--label", "tuberculosis", *rule)
    assert done.exit_code == 0, done.output
    planned = read_profile(home / "plan" / "profile.json").thresholds["tuberculosis"]

    # The bundle it was made for takes it.
    ask = ("predict", "IMAGES/00.png", "--task", "chest-xray", "--profile", "plan/profile.json", "--json")
    (answer,) = map(json.loads, run(*ask).stdout.splitlines())
    (finding,) = (entry for entry in answer["findings"] if entry["label"] == "tuberculosis")
    assert finding["threshold"] == planned
    assert finding["presence"] == ("present" if finding["probability"] >= planned else "absent")

    # The next one refuses it, with both names, and the commands.
    old = read_bundle(home / "home" / "bundles" / "chest-xray" / "9.0.0").sha256
    new = read_bundle(make_bundle(home / "home" / "bundles", version="9.1.0", seed=1)).sha256
    refused = run(*ask)
    assert (refused.exit_code, refused.stdout) == (2, "")
    message = told(refused)
    assert (
        f"The profile of 'clinic A' was made for bundle chest-xray 9.0.0 ({old[:12]}), which is not installed"
        in message
    )
    assert f"Plan the thresholds anew for the installed chest-xray 9.1.0 ({new[:12]})" in message

    # Those commands, as they are told, make a profile that it takes.
    commands = message[message.index("radiolens predict") : message.index(". Or install")].split("; ")
    for words in map(shlex.split, commands):
        again = run(*words[1:])
        assert again.exit_code == 0, again.output
    accepted = run(*ask[:-2], "PLAN/profile.json", "--json")
    assert accepted.exit_code == 0, accepted.output
    assert read_profile(home / "PLAN" / "profile.json").bundle_sha256 == new
    assert json.loads(accepted.stdout)["bundle"]["version"] == "9.1.0"


def test_scores_of_the_former_bundle_make_no_profile_for_the_next(home: Path) -> None:
    films(home / "IMAGES")
    run("predict", "IMAGES", "--task", "chest-xray", "--output", "scores.csv")
    outcomes(home / "scores.csv", home / "OUTCOMES.csv")
    make_bundle(home / "home" / "bundles", version="9.1.0", seed=1)
    command = ("thresholds", "chest-xray", "scores.csv", "--outcomes", "OUTCOMES.csv", "--label", "tuberculosis")
    refused = run(*command, "--youden", "--output", "plan")
    assert refused.exit_code == 1
    assert "the scores are of chest-xray 9.0.0" in told(refused)
    assert "expected chest-xray 9.1.0" in told(refused)
    assert not (home / "plan").exists()


def test_a_profile_of_the_released_bundle_is_refused_where_another_version_answers(
    table: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = find_bundles([RELEASED])["chest-xray"]
    planned = run("thresholds", released, table, "--label", "pneumonia", "--youden", "--output", "plan")
    assert planned.exit_code == 0, planned.output
    (home / "film.png").write_bytes(b"")
    ask = ("predict", "film.png", "--task", "chest-xray", "--profile", "plan/profile.json")
    refused = run(*ask)
    assert refused.exit_code == 2
    assert f"made for bundle chest-xray {released.name}" in told(refused)
    assert "for the installed chest-xray 9.0.0" in told(refused)
    monkeypatch.setenv("RADIOLENS_HOME", str(home / "elsewhere"))
    assert "--profile" not in told(run(*ask))


def test_a_profile_of_an_imported_network_is_taken_where_that_is_named_and_refused_where_the_default_answers(
    table: Path, home: Path
) -> None:
    make_imported(home / "home" / "bundles", "Tuberculosis_model", "chest-xray", ["tuberculosis"], (64, 64, 3))
    planned = run("thresholds", "Tuberculosis_model", table, "--label", "tuberculosis", "--youden", "--output", "plan")
    assert planned.exit_code == 0, planned.output
    films(home / "IMAGES")
    ask = ("predict", "IMAGES/00.png", "--task", "chest-xray", "--profile", "plan/profile.json", "--json")
    refused = run(*ask)
    assert refused.exit_code == 2
    assert "was made for bundle Tuberculosis_model 0.0.1" in told(refused)
    assert "what is asked is answered by chest-xray 9.0.0" in told(refused)
    accepted = run(*ask, "--bundle", "Tuberculosis_model")
    assert accepted.exit_code == 0, accepted.output
    (finding,) = json.loads(accepted.stdout)["findings"]
    assert finding["threshold"] == read_profile(home / "plan" / "profile.json").thresholds["tuberculosis"]


def plan(table: Path, *options: object, label: str = "tuberculosis") -> Result:
    folder = find_bundles([RELEASED])["chest-xray"]
    return run("thresholds", folder, table, "--label", label, *options)


def test_the_table_marks_what_was_chosen_and_says_what_must_be_known(table: Path) -> None:
    done = plan(table, "--sensitivity", 0.8, "--by", "sex", "--cost-fn", 20, "--cost-fp", 1, "--prevalence", 0.05)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        "cut-off",
        "sensitivity",
        "specificity",
        "PPV",
        "NPV",
        "tests",
        "called",
        "missed",
        "cost",
    ]
    (chosen,) = (line.split() for line in lines if line.startswith(">"))
    assert float(chosen[2]) >= 0.8
    for sentence in (
        "of 200 cut-offs. PPV, NPV at a prevalence of 0.05",
        "corrected for optimism: sensitivity 0.",
        "by patient: sensitivity 0.",
        "100 cases give a precision of +-0.0",
        "too few for +-0.05",
        "sensitivity by sex: F (50) 0.",
        "WHO 2014 triage test for tuberculosis (90 % sensitivity, 70 % specificity): not reached",
        "Radiological labels are not microbiology",
        "Note: The threshold was chosen on the cases that it is judged on",
        "Note: The 200 images are of 100 patients.",
        "is taken on your word",
    ):
        assert sentence in done.stdout
    assert "consecutive patients, give that of yours" not in done.stdout


def test_with_json_stdout_holds_the_plan_and_nothing_else(table: Path, tmp_path: Path) -> None:
    done = plan(table, "--youden", "--json", "--output", tmp_path / "plan", label="pneumonia")
    content = json.loads(done.stdout)
    assert content == json.loads((tmp_path / "plan" / "plan.json").read_text())
    assert content["verdict"] is None
    assert content["practice"]["prevalence"] == 0.5
    assert "the prevalence of these cases, 0.5" in " ".join(content["remarks"])
    assert "Planning: 3 of 3" in done.stderr
    assert done.stderr.count("written:") == 3


def test_each_rule_chooses_its_own_cut_off(table: Path) -> None:
    chosen = {}
    for rule in ("--sensitivity 0.9", "--sensitivity 0.8 --lower-bound", "--specificity 0.9", "--youden"):
        content = json.loads(plan(table, *rule.split(), "--json").stdout)
        chosen[rule] = content["chosen"]
    costly = json.loads(plan(table, "--cost-fn", 100, "--cost-fp", 1, "--prevalence", 0.2, "--json").stdout)
    assert chosen["--sensitivity 0.9"]["sensitivity"]["estimate"] >= 0.9
    assert chosen["--sensitivity 0.8 --lower-bound"]["sensitivity"]["low"] >= 0.8
    assert chosen["--specificity 0.9"]["specificity"]["estimate"] >= 0.9
    assert chosen["--youden"]["threshold"] < chosen["--specificity 0.9"]["threshold"]
    assert costly["chosen"]["cost_per_1000"] == min(entry["cost_per_1000"] for entry in costly["cut_offs"])


def test_two_labels_go_into_one_profile(table: Path, tmp_path: Path) -> None:
    first = plan(table, "--youden", "--output", tmp_path, label="pneumonia")
    assert first.exit_code == 0, first.output
    profile = tmp_path / "profile.json"
    done = plan(table, "--sensitivity", "0.9", "--output", tmp_path, "--extend", profile)
    assert done.exit_code == 0, done.output
    found = read_profile(profile)
    assert found.rules == {"pneumonia": "--youden", "tuberculosis": "--sensitivity 0.9"}
    assert len(found.evidence.splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "exactly one of --sensitivity, --specificity, --youden, or --cost-fn with --cost-fp; found none"),
        (("--youden", "--sensitivity", 0.9), "found --sensitivity and --youden"),
        (("--cost-fn", 3), "--cost-fn and --cost-fp go together"),
        (("--cost-fn", 0, "--cost-fp", 0), "costs must be at least 0 and not both 0"),
        (("--youden", "--lower-bound"), "a lower bound is of a target sensitivity or specificity, not of youden"),
        (("--sensitivity", 1.5), "1.5 is not in the range 0.0<x<=1.0"),
        (("--youden", "--prevalence", 0), "0.0 is not in the range"),
        (("--cost-fn", "nan", "--cost-fp", 1), "nan is not a finite number"),
        (("--cost-fn", 1, "--cost-fp", "inf"), "inf is not a finite number"),
        (("--youden", "--precision", "nan"), "Invalid value for '--precision': nan is not a finite number"),
        (("--sensitivity", 0.9, "--level", "nan"), "Invalid value for '--level': nan is not a finite number"),
        (("--youden", "--seed", -1), "-1 is not in the range x>=0"),
        (("--youden", "--where", "sex"), "--where sex: expected COLUMN=VALUE"),
        (("--youden", "--extend", __file__), "--extend needs --output"),
        (("--youden", "--outcomes", "none.csv"), "does not exist"),
    ],
)
def test_wrong_usage_is_told_with_exit_code_2(options: Sequence[object], message: str, table: Path) -> None:
    done = plan(table, *options)
    assert done.exit_code == 2
    assert message in told(done)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--youden", "--outcome", "ill"), "there is no column 'ill'"),
        (("--youden", "--by", "age"), "there is no column 'age'"),
        (("--youden", "--where", "sex=X"), "no row is left that has a score and an outcome"),
        (("--youden", "--where", "patient_id=3"), "1 positives and 1 negatives; a threshold needs at least 10 of each"),
        (("--sensitivity", 0.99, "--lower-bound"), "No cut-off has a sensitivity of 0.99 with its lower bound"),
        (("--youden", "--outcome", "score"), "expected 1, 0 or nothing"),
    ],
)
def test_what_cannot_be_planned_is_one_sentence_with_exit_code_1(
    options: Sequence[object], message: str, table: Path
) -> None:
    done = plan(table, *options)
    assert done.exit_code == 1
    assert message in told(done)
    assert done.stdout == ""


def test_an_unknown_bundle_or_label_is_told_with_those_there_are(table: Path) -> None:
    unknown = run("thresholds", "nothing", table, "--label", "pneumonia", "--youden")
    assert unknown.exit_code == 2
    assert "nothing: neither a bundle's folder nor one of" in told(unknown)
    assert "its labels are pneumonia, tuberculosis" in told(plan(table, "--youden", label="glioma"))


def test_planning_needs_no_runtime(table: Path) -> None:
    script = (
        "import sys; from radiolens.cli import cli; "
        f"arguments = ['thresholds', 'chest-xray', {str(table)!r}, '--label', 'pneumonia', '--youden']; "
        "cli(arguments, standalone_mode=False); "
        "print('onnxruntime' in sys.modules, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
