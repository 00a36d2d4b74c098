"""People, sessions, tokens and failed sign-ins, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from radiolens.errors import InvalidAccount
from radiolens.store import accounts, logins
from radiolens.store.accounts import Account
from radiolens.store.database import Database
from radiolens.store.schema import LOCAL_USER_ID

IDLE = timedelta(minutes=30)


def add(database: Database, name: str, *roles: str, hashed: str | None = "a hash") -> Account:
    with database.session() as session:
        return accounts.add_account(session, name, roles, hashed)


def test_a_site_begins_without_accounts_and_its_first_one_is_an_administrators(database: Database) -> None:
    with database.reading() as session:
        assert not accounts.accounts_exist(session)
        assert accounts.list_accounts(session) == []
        assert accounts.find_by_name(session, "local") is None
    with pytest.raises(InvalidAccount, match="has to be an administrator's"):
        add(database, "bob", "clinician")
    ada = add(database, "  ADA ", "clinician", "administrator")
    assert (ada.name, ada.roles) == ("ada", frozenset({"clinician", "administrator"}))
    with database.reading() as session:
        assert accounts.accounts_exist(session)
        assert accounts.find_by_name(session, "Ada") == ada


def test_two_administrators_cannot_both_go(database: Database) -> None:
    ada, bob = add(database, "ada", "administrator"), add(database, "bob", "administrator")
    with database.session() as session:
        accounts.set_roles(session, ada.id, ["clinician"])
    for change in (
        lambda session: accounts.set_roles(session, bob.id, ["clinician"]),
        lambda session: accounts.set_active(session, bob.id, active=False),
    ):
        with pytest.raises(InvalidAccount, match="'bob' is the last administrator"), database.session() as session:
            change(session)
    with database.reading() as session:
        assert accounts.find_account(session, bob.id).active


def test_the_row_of_single_user_mode_is_no_account(database: Database) -> None:
    add(database, "ada", "administrator")
    for user_id in (LOCAL_USER_ID, uuid4()):
        with pytest.raises(InvalidAccount, match="no such account"), database.session() as session:
            accounts.set_password(session, user_id, "a hash", must_change=False)


def test_a_session_is_found_until_it_is_over_and_dies_with_a_new_password(database: Database) -> None:
    ada = add(database, "ada", "administrator")
    with database.session() as session:
        logins.open_session(session, ada.id, "1" * 64, "csrf", timedelta(hours=12))
        logins.open_session(session, ada.id, "2" * 64, "csrf", timedelta(0))
    with database.reading() as session:
        found = logins.find_session(session, "1" * 64, IDLE)
        assert found
        assert (found.account.id, found.csrf_token) == (ada.id, "csrf")
        assert logins.find_session(session, "2" * 64, IDLE) is None
        assert logins.find_session(session, "3" * 64, IDLE) is None
        assert logins.find_session(session, "1" * 64, timedelta(0)) is None
    with database.session() as session:
        accounts.set_password(session, ada.id, "another hash", must_change=True)
    with database.reading() as session:
        assert logins.find_session(session, "1" * 64, IDLE) is None


def test_a_token_belongs_to_its_account(database: Database) -> None:
    ada, bob = add(database, "ada", "administrator"), add(database, "bob", "clinician")
    with database.session() as session:
        token = logins.add_token(session, ada.id, "x", "radiolens_ab", "4" * 64, timedelta(days=1))
    with pytest.raises(InvalidAccount, match="no such token"), database.session() as session:
        logins.revoke_token(session, bob.id, token.id)
    with database.session() as session:
        assert logins.find_token(session, "4" * 64) == token
        logins.revoke_token(session, ada.id, token.id)
    with database.reading() as session:
        assert logins.find_token(session, "4" * 64) is None
        assert [entry.name for entry in logins.list_tokens(session, ada.id)] == ["x"]


def test_failures_at_the_same_moment_are_all_counted(database: Database) -> None:
    key = logins.name_key("eve")

    def fail(_: int) -> bool:
        with database.session() as session:
            return logins.note_failure(session, key, 8, timedelta(minutes=15))

    with ThreadPoolExecutor(4) as pool:
        locked = list(pool.map(fail, range(8)))
    assert locked.count(True) == 1
    with database.session() as session:
        assert logins.locked_until(session, logins.name_key(" EVE ")) is not None
        logins.clear_failures(session, [key])
        assert logins.locked_until(session, key) is None


def test_a_subject_of_a_provider_is_tied_once(database: Database) -> None:
    add(database, "ada", "administrator")
    bob, ann = add(database, "bob", "clinician", hashed=None), add(database, "ann", "clinician")
    with database.session() as session:
        accounts.set_subject(session, bob.id, "https://login.example", "7")
    with database.reading() as session:
        found = accounts.find_by_subject(session, "https://login.example", "7")
        assert found
        assert found.id == bob.id
        assert accounts.find_by_subject(session, "https://other.example", "7") is None
    for account in (bob, ann):
        with pytest.raises(InvalidAccount, match="another way to sign in"), database.session() as session:
            accounts.set_subject(session, account.id, "https://login.example", "8")
