"""The accounts of a site from its console: the real program on a database of its own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from radiolens.store import accounts, audit
from radiolens.store.database import open_database
from radiolens.web.accounts.passwords import Passwords
from radiolens.web.accounts.principal import Role


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path))
    monkeypatch.setenv("RADIOLENS_PASSWORD_MEMORY_KIB", "64")
    return tmp_path


def users(*words: str) -> Result:
    return CliRunner().invoke(cli, ["users", *words], standalone_mode=True)


def listed() -> dict[str, dict[str, Any]]:
    rows = map(json.loads, users("list", "--json").output.splitlines())
    return {row["name"]: row for row in rows}


def password_of(result: Result) -> str:
    found = re.search(r"asks for another: (\S+)$", result.output, re.MULTILINE)
    assert found, result.output
    return found[1]


@pytest.mark.usefixtures("home")
def test_an_account_is_made_with_a_password_for_its_first_sign_in(home: Path) -> None:
    made = users("add", "Ada", "--role", "administrator", "--role", "clinician", "--display-name", "Dr Ada")
    assert made.exit_code == 0
    assert listed()["ada"] == {
        "name": "ada",
        "display_name": "Dr Ada",
        "roles": ["administrator", "clinician"],
        "active": True,
        "locked": False,
        "last_login": None,
    }
    database = open_database(f"sqlite:///{home}/radiolens.db")
    with database.reading() as session:
        ada = accounts.find_by_name(session, "ada")
        assert ada
        assert ada.must_change_password
        assert Passwords(64).verify(accounts.password_hash(session, ada.id), password_of(made))
        (entry,) = audit.entries(session, action="user.add")
    assert (entry.actor, entry.target) == ("console", f"user:{ada.id}")
    assert password_of(made) not in str(entry)
    database.close()


@pytest.mark.usefixtures("home")
def test_a_password_is_reset_and_each_time_another_one() -> None:
    first = password_of(users("add", "ada", "--role", "administrator"))
    again = users("reset-password", "ADA")
    assert again.exit_code == 0
    assert password_of(again) != first


@pytest.mark.usefixtures("home")
def test_roles_change_and_accounts_are_switched_off_and_on() -> None:
    users("add", "ada", "--role", "administrator")
    users("add", "bob", "--role", "clinician", "--openid")
    assert users("roles", "bob", "--role", "researcher").exit_code == 0
    assert listed()["bob"]["roles"] == ["researcher"]
    assert users("disable", "bob").exit_code == 0
    assert not listed()["bob"]["active"]
    assert "switched off" in users("list").output
    assert users("enable", "bob").exit_code == 0
    assert users("unlock", "bob").exit_code == 0
    assert listed()["bob"]["active"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "bob", "--role", "clinician"), "The first account has to be an administrator's"),
        (("add", "two words", "--role", "administrator"), "cannot be a name"),
        (("unlock", "eve"), "There is no account 'eve'. Accounts: none; make one with radiolens users add."),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_does_not_go_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    result = users(*words)
    assert result.exit_code == 1
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("home")
def test_the_last_administrator_stays() -> None:
    users("add", "ada", "--role", "administrator")
    for words in (("disable", "ada"), ("roles", "ada", "--role", "clinician")):
        result = users(*words)
        assert result.exit_code == 1
        assert "'ada' is the last administrator" in result.output
    assert listed()["ada"]["active"]


@pytest.mark.usefixtures("home")
def test_every_role_of_the_app_can_be_given_and_no_other() -> None:
    everything = [word for role in Role for word in ("--role", role.value)]
    assert users("add", "ada", *everything).exit_code == 0
    assert listed()["ada"]["roles"] == sorted(Role)
    assert users("add", "bob", "--role", "king").exit_code == 2
