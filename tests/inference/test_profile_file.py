"""Profiles as files, and what is said if their bundle is gone."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.bundle import InstalledBundle, read_bundle
from radiolens.errors import BundleError
from radiolens.inference.profile_file import check_answers, extended, not_installed, read_profile, write_profile
from radiolens.profile import Profile
from tests.tiny_bundle import make_bundle

PLANNED = Profile(
    "clinic A",
    "ab" * 32,
    {"tuberculosis": 0.1 + 0.2},
    "tuberculosis: chosen on 12 films.",
    "chest-xray",
    "0.0.1",
    {"tuberculosis": "--sensitivity 0.9 --lower-bound"},
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> list[InstalledBundle]:
    """Return two bundles: chest-xray 0.0.2 and brain-mri 0.0.1."""
    place = tmp_path_factory.mktemp("bundles")
    return [read_bundle(make_bundle(place, version="0.0.2")), read_bundle(make_bundle(place, "brain-mri"))]


def test_a_profile_survives_its_file_and_can_be_read_by_people(tmp_path: Path) -> None:
    write_profile(PLANNED, tmp_path / "profile.json")
    assert read_profile(tmp_path / "profile.json") == PLANNED
    assert [file.name for file in tmp_path.iterdir()] == ["profile.json"]
    content = json.loads((tmp_path / "profile.json").read_text())
    assert content["thresholds"] == {"tuberculosis": 0.1 + 0.2}
    assert (content["bundle_name"], content["bundle_version"]) == ("chest-xray", "0.0.1")


def test_rules_that_are_no_texts_by_label_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    write_profile(PLANNED, file)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"rules": ["--youden"]}))
    with pytest.raises(BundleError, match="rules must give each label a text"):
        read_profile(file)


def test_a_profile_is_extended_by_another_label_and_a_label_is_replaced_with_its_evidence() -> None:
    other = replace(
        PLANNED,
        thresholds={"pneumonia": 0.5},
        evidence="pneumonia: chosen on 30 films.",
        rules={"pneumonia": "--youden"},
    )
    both = extended(PLANNED, other)
    assert both.thresholds == {"tuberculosis": 0.1 + 0.2, "pneumonia": 0.5}
    assert both.evidence.splitlines() == [PLANNED.evidence, other.evidence]
    again = extended(both, replace(PLANNED, thresholds={"tuberculosis": 0.7}, evidence="tuberculosis: chosen anew."))
    assert again.thresholds == {"tuberculosis": 0.7, "pneumonia": 0.5}
    assert again.evidence.splitlines() == [other.evidence, "tuberculosis: chosen anew."]
    assert again.rules == {"tuberculosis": "--sensitivity 0.9 --lower-bound", "pneumonia": "--youden"}


def test_thresholds_of_two_bundles_do_not_go_into_one_profile() -> None:
    with pytest.raises(
        BundleError, match=r"for bundle chest-xray 0\.0\.1 \(abababababab\), the new .* \(cdcdcdcdcdcd\)"
    ):
        extended(PLANNED, replace(PLANNED, bundle_sha256="cd" * 32))


def test_another_version_is_told_with_both_identities_and_the_commands_that_plan_anew(
    installed: list[InstalledBundle],
) -> None:
    told = str(not_installed(PLANNED, installed))
    assert "was made for bundle chest-xray 0.0.1 (abababababab), which is not installed" in told
    assert f"for the installed chest-xray 0.0.2 ({installed[0].sha256[:12]})" in told
    assert "radiolens predict IMAGES --task chest-xray --output scores.csv" in told
    assert (
        "radiolens thresholds chest-xray scores.csv --outcomes OUTCOMES.csv --label tuberculosis --sensitivity 0.9 "
        "--lower-bound --site 'clinic A' --output PLAN" in told
    )


def test_the_commands_of_several_labels_build_one_profile(installed: list[InstalledBundle]) -> None:
    both = replace(PLANNED, thresholds={"pneumonia": 0.5, "tuberculosis": 0.5})
    told = str(not_installed(both, installed))
    assert told.count("radiolens thresholds ") == 2
    assert told.count("--extend PLAN/profile.json") == 1


def test_what_a_stranger_wrote_into_a_profile_is_quoted_where_a_command_is_told(
    installed: list[InstalledBundle],
) -> None:
    hostile = replace(PLANNED, site="$(reboot)", thresholds={"a;b": 0.5}, rules={"a;b": "--youden; rm -rf ~ `x`"})
    told = str(not_installed(hostile, installed))
    command = told[told.index("radiolens thresholds") : told.index(". Or install")]
    words = shlex.split(command)
    assert words[words.index("--label") + 1] == "a;b"
    assert {"$(reboot)", "--youden;", "`x`"} <= set(words)
    assert "'$(reboot)'" in command


def test_where_no_bundle_of_the_name_is_installed_those_that_are_are_listed(
    installed: list[InstalledBundle],
) -> None:
    for profile in (replace(PLANNED, bundle_name="knee"), Profile("clinic", "0" * 64, {}, "by hand")):
        told = str(not_installed(profile, installed))
        assert "which is not installed. Plan the thresholds anew" in told
        assert f"brain-mri 0.0.1 ({installed[1].sha256[:12]})" in told
        assert "radiolens thresholds --help" in told
    assert "(installed: none)" in str(not_installed(PLANNED, []))


def test_a_profile_of_an_installed_bundle_that_does_not_answer_is_refused(installed: list[InstalledBundle]) -> None:
    check_answers(replace(PLANNED, bundle_sha256=installed[0].sha256), installed[0])
    with pytest.raises(BundleError, match=r"is answered by brain-mri 0\.0\.1 .*: thresholds hold for one network only"):
        check_answers(replace(PLANNED, bundle_sha256=installed[0].sha256), installed[1])
