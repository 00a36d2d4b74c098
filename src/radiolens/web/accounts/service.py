"""The accounts at work: who asks, signing in and out. What waits for the database runs in a thread."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from radiolens.errors import InvalidAccount
from radiolens.locale.translate import gettext as _
from radiolens.store import accounts, logins
from radiolens.store.accounts import Account
from radiolens.store.audit import PROGRAM, append
from radiolens.store.database import Database
from radiolens.store.logins import LoginSession
from radiolens.web.accounts.passwords import Passwords, check_new
from radiolens.web.accounts.policy import Policy, RateLimits
from radiolens.web.accounts.principal import LOCAL, Permission, Principal, Role
from radiolens.web.accounts.redirects import away_to, is_navigation
from radiolens.web.accounts.secret import SESSION_COOKIE, cookie, new_secret, sha256_of
from radiolens.web.guard import LOCAL_KEY
from radiolens.web.problems import HTTPProblem

__all__ = ["NOT_FOR_TOKENS", "Accounts", "accounts_of", "is_local", "principal_of"]

NOT_FOR_TOKENS = frozenset({Permission.OWN_ACCOUNT, Permission.MANAGE_USERS})
"""What no API token allows: a stolen one must make neither others nor accounts."""

_TOUCHED_AGAIN = timedelta(seconds=60)
"""How old `last seen` may become, so that not every request writes."""


class Accounts:
    """The people of a site: says who asks, and signs in and out. `app.state.accounts` and `app.state.identify`."""

    def __init__(self, database: Database, policy: Policy, passwords: Passwords) -> None:
        self.database = database
        self.policy = policy
        self.passwords = passwords
        self.limits = RateLimits()
        self._exist = False

    def exist(self) -> bool:
        """Say whether anybody has an account; once so, it stays."""
        if not self._exist:
            with self.database.reading() as session:
                self._exist = accounts.accounts_exist(session)
        return self._exist

    async def __call__(self, request: Request) -> Principal:
        """Return who asks; raise HTTPProblem 401 if nobody is signed in, 429 if one asks too often.

        A browser is sent to the page where one signs in.
        """
        principal = await run_in_threadpool(self._principal, request)
        if principal is None:
            raise await run_in_threadpool(self._nobody, request)
        if principal != LOCAL:
            self.limits.check("request", str(principal.user_id), self.policy.requests_per_minute)
        return principal

    def sign_in(self, name: str, password: str, address: str) -> Account:
        """Return the account of a name and password.

        Raises HTTPProblem 401 if one of them is wrong, 429 if the name is locked or the address tries too often. Both
        say the same, after the same time, whether or not anybody has the name.
        """
        self.limits.check("sign-in", address, self.policy.sign_ins_per_minute)
        key = logins.name_key(name)
        with self.database.reading() as session:
            self._check_lock(logins.locked_until(session, key) is not None)
            account = accounts.find_by_name(session, name)
            hashed = accounts.password_hash(session, account.id) if account else None
        right = self.passwords.verify(hashed, password)
        if not right or account is None or hashed is None or not account.active:
            self._failed(name, account)
        rehashed = self.passwords.hash(password) if self.passwords.outdated(hashed) else None
        with self.database.session() as session:
            self._check_lock(logins.locked_until(session, key) is not None)  # others guess at the same time
            logins.clear_failures(session, [key])
            if rehashed:
                accounts.set_hash(session, account.id, rehashed)
        return account

    def open_session(self, account: Account, how: str, replaced: str = "") -> str:
        """Sign an account in and return the cookie's new secret; the session of the `replaced` one ends."""
        secret = new_secret()
        with self.database.session() as session:
            if replaced:
                logins.close_session(session, sha256_of(replaced))
            logins.open_session(session, account.id, sha256_of(secret), new_secret(), self.policy.lasts)
            accounts.note_login(session, account.id)
            append(session, account.id, "session.open", _user(account), {"how": how})
        return secret

    def close_session(self, principal: Principal, secret: str) -> None:
        """Sign out of the session of a cookie."""
        with self.database.session() as session:
            logins.close_session(session, sha256_of(secret))
            append(session, principal.user_id, "session.close", f"user:{principal.user_id}")

    def add_first(self, name: str, display_name: str, password: str) -> Account:
        """Make the first administrator, who holds all roles; raise InvalidAccount if there is an account already."""
        check_new(password, name)
        hashed = self.passwords.hash(password)
        with self.database.session() as session:
            if accounts.accounts_exist(session):
                raise InvalidAccount(_("There are accounts already. Sign in; an administrator makes others."))
            account = accounts.add_account(session, name, tuple(Role), hashed, display_name=display_name)
            append(session, account.id, "user.first", _user(account))
        return account

    def change_password(self, principal: Principal, current: str, new: str) -> Account:
        """Change a person's own password and end all sessions of the account.

        Raises InvalidAccount for the new one, HTTPProblem as `sign_in` for the current one.
        """
        account = self.sign_in(principal.name, current, f"account {principal.user_id}")
        if current == new:
            raise InvalidAccount(_("The new password is the current one. Choose another."))
        check_new(new, principal.name)
        hashed = self.passwords.hash(new)
        with self.database.session() as session:
            accounts.set_password(session, account.id, hashed, must_change=False)
            append(session, account.id, "user.password", _user(account))
        return account

    def _principal(self, request: Request) -> Principal | None:
        authorization = request.headers.get("authorization", "")
        if authorization:
            return self._by_token(authorization)
        found = self._session(cookie(request, SESSION_COOKIE))
        if found:
            request.state.csrf_token = found.csrf_token
            return principal_of(found.account)
        return None if self.policy.demanded or self.exist() else LOCAL

    def _by_token(self, authorization: str) -> Principal | None:
        kind, _space, secret = authorization.partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            return None
        with self.database.reading() as session:
            token = logins.find_token(session, sha256_of(secret.strip()))
            now = self.database.now()
        if token is None or token.account.must_change_password:
            return None
        if token.last_used is None or now - token.last_used >= _TOUCHED_AGAIN:
            with self.database.session() as session:
                logins.touch_token(session, token.id)
        return principal_of(token.account, withheld=NOT_FOR_TOKENS)

    def _session(self, secret: str) -> LoginSession | None:
        if not secret:
            return None
        with self.database.reading() as session:
            found = logins.find_session(session, sha256_of(secret), self.policy.idle)
            now = self.database.now()
        if found and now - found.last_seen >= min(_TOUCHED_AGAIN, self.policy.idle / 10):
            with self.database.session() as session:
                logins.touch_session(session, found.id)
        return found

    def _nobody(self, request: Request) -> HTTPException:
        """Return what to tell who is not signed in."""
        exist = self.exist()
        if is_navigation(request) and (exist or is_local(request)):
            return away_to(request, "/sign-in" if exist else "/first-run", back=exist)
        if exist:
            detail = _("Sign in, or send an API token: Authorization: Bearer and the token.")
        else:
            detail = _(
                "This site has no accounts yet. Make an administrator on the computer that runs it: "
                "radiolens users add NAME --role administrator --role clinician"
            )
        return HTTPProblem(401, _("Not signed in"), detail, headers={"WWW-Authenticate": "Bearer"})

    def _check_lock(self, locked: bool) -> None:
        if not locked:
            return
        minutes = round(self.policy.locks_for.total_seconds() / 60)
        detail = _(
            "This name is locked after too many wrong passwords, for %(minutes)s minutes. An administrator can unlock "
            "it: radiolens users unlock NAME",
            minutes=minutes,
        )
        raise HTTPProblem(429, _("The name is locked"), detail, headers={"Retry-After": str(60 * minutes)})

    def _failed(self, name: str, account: Account | None) -> NoReturn:
        """Count a failure, note it, and raise HTTPProblem.

        A name that nobody has is not written down: it may be a password that was typed into the wrong field.
        """
        policy = self.policy
        target = _user(account) if account else "user:unknown"
        with self.database.session() as session:
            locked = logins.note_failure(session, logins.name_key(name), policy.failures, policy.locks_for)
            append(session, PROGRAM, "session.locked" if locked else "session.refused", target)
        self._check_lock(locked)
        detail = _(
            "The name or the password is wrong. After %(count)s wrong passwords in a row the name is locked for a "
            "while.",
            count=policy.failures,
        )
        raise HTTPProblem(401, _("Not signed in"), detail)


def principal_of(account: Account, withheld: frozenset[Permission] = frozenset()) -> Principal:
    """Return the principal of an account; a role that this version does not know gives nothing."""
    roles = frozenset(Role(role) for role in account.roles if role in set(Role))
    return Principal(account.id, account.name, roles, withheld, account.must_change_password)


def accounts_of(request: Request) -> Accounts:
    """Return the accounts of the running app."""
    found: Accounts = request.app.state.accounts
    return found


def is_local(request: Request) -> bool:
    """Say whether the request comes from this computer, through no proxy; the guard found out."""
    return bool(request.scope.get(LOCAL_KEY, False))


def _user(account: Account) -> str:
    return f"user:{account.id}"
