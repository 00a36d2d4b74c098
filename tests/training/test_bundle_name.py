"""What a site may call its bundles."""

from __future__ import annotations

import pytest

from radiolens.errors import BundleError
from radiolens.training.bundle_name import check_name


@pytest.mark.parametrize(("name", "version"), [("ct-tumour", "1.0.0"), ("a", "1"), ("Clinic_2", "2026.11.26")])
def test_a_plain_name_and_version_are_free(name: str, version: str) -> None:
    check_name(name, version)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("", "1.0.0"),
        ("../x", "1.0.0"),
        ("-x", "1.0.0"),
        ("a" * 65, "1.0.0"),
        ("mine", ""),
        ("mine", "../1"),
        ("mine", "1.0-beta"),
        ("chest-xray", "1.0.0"),
        ("brain-ct", "1.0.0"),
        ("gate", "1.0.0"),
    ],
)
def test_what_leaves_its_folder_or_is_taken_is_refused_with_what_to_do(name: str, version: str) -> None:
    with pytest.raises(BundleError, match=r"cannot be called .* Give --name or --version\."):
        check_name(name, version)


def test_only_its_own_tasks_name_may_be_taken_over() -> None:
    check_name("brain-ct", "1.0.0", own_task="brain-ct")
    with pytest.raises(BundleError, match="brain-mri, chest-xray"):
        check_name("chest-xray", "1.0.0", own_task="brain-ct")
