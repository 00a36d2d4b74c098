"""`radiolens users COMMAND`: the accounts of the site, for whoever has its console."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from radiolens.cli import Failure
from radiolens.cli.configuration import read_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from radiolens.store.accounts import Account
    from radiolens.store.database import Database

__all__ = ["command"]

_ROLES = ("clinician", "researcher", "administrator")
_role = click.option(
    "--role", "roles", type=click.Choice(_ROLES), multiple=True, required=True, help="May be given several times."
)


@click.group("users")
def command() -> None:
    """Make and change accounts. The audit log names the console for it."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print an object a line.")
def _list(as_json: bool) -> None:
    """Print the accounts."""
    from radiolens.store import accounts, logins

    with _database() as database, database.reading() as session:
        for account in accounts.list_accounts(session):
            locked = logins.locked_until(session, logins.name_key(account.name)) is not None
            click.echo(json.dumps(_record(account, locked=locked)) if as_json else _line(account, locked=locked))


@command.command("add")
@click.argument("name")
@_role
@click.option("--display-name", default="", help="As reports show it.")
@click.option("--openid", is_flag=True, help="Signs in with the OpenID Connect provider, without a password here.")
def _add(name: str, roles: tuple[str, ...], display_name: str, openid: bool) -> None:
    """Make an account; print a password for its first sign-in."""
    from radiolens.store import accounts

    password, hashed = (None, None) if openid else _new_password()
    with _writing() as session:
        made = accounts.add_account(
            session, name, roles, hashed, display_name=display_name, must_change_password=password is not None
        )
        _note(session, "user.add", made, roles=sorted(set(roles)))
    click.echo(f"made: {made.name}")
    _tell(password)


@command.command("reset-password")
@click.argument("name")
def _reset(name: str) -> None:
    """Give an account a new password, end its sessions, unlock it and switch it on."""
    from radiolens.store import accounts, logins

    password, hashed = _new_password()
    with _writing() as session:
        account = _account(session, name)
        accounts.set_password(session, account.id, hashed, must_change=True)
        accounts.set_active(session, account.id, active=True)
        logins.clear_failures(session, [logins.name_key(name)])
        _note(session, "user.reset", account)
    _tell(password)


@command.command("roles")
@click.argument("name")
@_role
def _set_roles(name: str, roles: tuple[str, ...]) -> None:
    """Say what a person is; roles that are not named are taken away."""
    from radiolens.store import accounts

    with _writing() as session:
        account = _account(session, name)
        accounts.set_roles(session, account.id, roles)
        _note(session, "user.roles", account, roles=sorted(set(roles)))


@command.command("disable")
@click.argument("name")
def _disable(name: str) -> None:
    """Switch an account off; its sessions end and its tokens are revoked."""
    _switch(name, active=False)


@command.command("enable")
@click.argument("name")
def _enable(name: str) -> None:
    """Switch an account on again."""
    _switch(name, active=True)


@command.command("unlock")
@click.argument("name")
def _unlock(name: str) -> None:
    """End the lock of a name after wrong passwords."""
    from radiolens.store import logins

    with _writing() as session:
        account = _account(session, name)
        logins.clear_failures(session, [logins.name_key(name)])
        _note(session, "user.unlock", account)


def _switch(name: str, *, active: bool) -> None:
    from radiolens.store import accounts

    with _writing() as session:
        account = _account(session, name)
        accounts.set_active(session, account.id, active=active)
        _note(session, "user.on" if active else "user.off", account)


@contextmanager
def _database() -> Iterator[Database]:
    from radiolens.store.database import open_database

    database = open_database(read_settings().database_address)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _writing() -> Iterator[Session]:
    with _database() as database, database.session() as session:
        yield session


def _account(session: Session, name: str) -> Account:
    from radiolens.store import accounts

    account = accounts.find_by_name(session, name)
    if account is None:
        known = ", ".join(entry.name for entry in accounts.list_accounts(session))
        raise Failure(f"There is no account {name!r}. Accounts: {known or 'none; make one with radiolens users add'}.")
    return account


def _new_password() -> tuple[str, str]:
    """Return a password for the next sign-in, and its hash."""
    from radiolens.web.accounts.passwords import Passwords, temporary

    password = temporary()
    return password, Passwords(read_settings().password_memory_kib).hash(password)


def _note(session: Session, action: str, account: Account, **detail: Any) -> None:  # noqa: ANN401  JSON
    from radiolens.store import audit

    audit.append(session, audit.CONSOLE, action, f"user:{account.id}", detail)


def _tell(password: str | None) -> None:
    if password:
        click.echo(f"password for the next sign-in, which asks for another: {password}")


def _record(account: Account, *, locked: bool) -> dict[str, Any]:
    return {
        "name": account.name,
        "display_name": account.display_name,
        "roles": sorted(account.roles),
        "active": account.active,
        "locked": locked,
        "last_login": account.last_login.isoformat() if account.last_login else None,
    }


def _line(account: Account, *, locked: bool) -> str:
    state = "" if account.active else "switched off"
    if locked:
        state = "locked"
    return f"{account.name:<24} {', '.join(sorted(account.roles)):<40} {state}".rstrip()
