"""What a site can set is documented, typed, and frozen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from radiolens.settings import UPLOAD_CHOICES, Settings
from tests.project.documents import text_of

PAGE = text_of("docs/settings.md")


def documented() -> dict[str, str]:
    """Return the text below each heading of docs/settings.md."""
    parts = re.split(r"^## (\w+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, without the settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"RADIOLENS_{name.upper()}", raising=False)


def test_every_setting_has_a_heading_in_the_docs() -> None:
    assert list(documented()) == list(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_documented_default_is_the_default(name: str) -> None:
    told = re.search(r"Default `([^`]+)`", documented()[name])
    assert told, f"docs/settings.md tells no default of {name}"
    value = getattr(Settings(), name)
    expected = Path(told[1]).expanduser() if isinstance(value, Path) else type(value)(_plain(told[1]))  # SecretStr too
    assert value == expected


def _plain(text: str) -> str | bool:
    return {"true": True, "false": False}.get(text, text)


def test_the_environment_and_the_file_set_a_value_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("RADIOLENS_PORT=8001\nRADIOLENS_THREADS=3\nOTHER=1\n", encoding="utf-8")
    monkeypatch.setenv("RADIOLENS_PORT", "8002")
    settings = Settings()
    assert (settings.port, settings.threads) == (8002, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("port", "-1"),
        ("max_upload_bytes", "0"),
        ("max_files", "0"),
        ("threads", "-1"),
        ("allow_remote", "perhaps"),
        ("upload_bundles", "braintumor"),
        ("upload_bundles", "4=braintumor"),
        ("upload_bundles", "1="),
        ("upload_bundles", "1=a,1=b"),
        ("trusted_proxies", "the one in the hall"),
        ("root_path", "radiolens/"),
        ("tls_key", "key.pem"),
        ("oidc_issuer", "https://login.example"),
        ("oidc_issuer", "http://login.example"),
        ("session_hours", "0"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RADIOLENS_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("released", [None, None, None]),
        ("", [None, None, None]),
        ("1=braintumor", ["braintumor", None, None]),
        (" 3 = pneumonia_model , 2=Tuberculosis_model", [None, "Tuberculosis_model", "pneumonia_model"]),
    ],
)
def test_the_bundles_of_the_first_design_are_read_by_choice(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: list[str | None]
) -> None:
    monkeypatch.setenv("RADIOLENS_UPLOAD_BUNDLES", text)
    assert [Settings().upload_bundle(choice) for choice in UPLOAD_CHOICES] == expected


def test_lists_and_the_root_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Settings().proxies, Settings().host_names, Settings().root) == ((), frozenset(), "")
    monkeypatch.setenv("RADIOLENS_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/24")
    monkeypatch.setenv("RADIOLENS_HOSTS", "Films.example,other.example")
    monkeypatch.setenv("RADIOLENS_ROOT_PATH", "/a/b")
    settings = Settings()
    assert settings.proxies == ("127.0.0.1", "10.0.0.0/24")
    assert settings.host_names == {"films.example", "other.example"}
    assert settings.root == "/a/b"


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOLENS_OIDC_CLIENT_SECRET", "s3cret-of-the-provider")
    assert "s3cret" not in repr(Settings())


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1  # type: ignore[misc]  what is tested


def test_answers_that_are_made_at_the_same_time_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert Settings().threads_for_each == 2
    assert Settings(scorers=2).threads_for_each == 4
    assert Settings(scorers=0).threads_for_each == 8
    assert Settings(scorers=30).threads_for_each == 1
    assert Settings(threads=3).threads_for_each == 3
