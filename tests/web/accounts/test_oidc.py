"""Signing in with an OpenID Connect provider, against one on this computer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from httpx2 import Response
from joserfc.jwk import OctKey, RSAKey
from starlette.testclient import TestClient

from radiolens.store import accounts
from radiolens.store.accounts import Account
from radiolens.web.accounts.principal import Role
from tests.web.accounts.openid_provider import CLIENT_ID, CLIENT_SECRET, LocalProvider, local_provider
from tests.web.accounts.site import Site, csrf, running_site, sign_in

BACK = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Both:
    """A site and its provider."""

    site: Site
    provider: LocalProvider

    def person(self, **changes: Any) -> Account:  # noqa: ANN401  claims
        """Make an account without a password, and let the provider sign its person in."""
        name = f"user-{uuid4().hex[:8]}"
        self.provider.claims = {"sub": uuid4().hex, "preferred_username": name, **changes}
        self.provider.spoil, self.provider.key, self.provider.algorithm = {}, None, "RS256"
        with self.site.database.session() as session:
            return accounts.add_account(session, name, [Role.CLINICIAN], None)

    def there(self, browser: TestClient, wanted: str = "") -> str:
        """Go to the provider and return where it sends the browser."""
        away = browser.get("/sign-in/elsewhere", params={"next": wanted})
        assert away.status_code == 303
        assert away.headers["location"].startswith(f"{self.provider.issuer}/authorize?")
        return httpx2.get(away.headers["location"]).headers["location"].removeprefix(BACK)

    def signed_in(self, browser: TestClient, wanted: str = "") -> Response:
        """Go there and back."""
        answer: Response = browser.get(self.there(browser, wanted))
        return answer


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with local_provider() as provider:
        settings = {
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": CLIENT_SECRET,
        }
        with running_site(**settings) as site:
            provider.clock = site.clock
            site.add(Role.ADMINISTRATOR, name="first")
            yield Both(site, provider)


def test_an_account_that_was_made_for_it_signs_in_and_is_known_by_its_subject_from_then_on(both: Both) -> None:
    account, browser = both.person(), both.site.browser()
    assert f"Sign in with {both.provider.issuer.removeprefix('http://')}" in browser.get("/sign-in").text
    answer = both.signed_in(browser, "/?study=chest")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?study=chest"
    assert browser.get("/api/v1/tasks").status_code == 200
    assert csrf(browser)
    assert both.site.log("session.open")[0].detail == {"how": "openid"}
    both.provider.claims["preferred_username"] = "renamed"
    again = both.site.browser()
    assert both.signed_in(again).status_code == 303
    assert f"Account: {account.name}" in again.get("/account").text


def test_nobody_gets_an_account_by_signing_in_and_no_account_with_a_password_is_taken_over(both: Both) -> None:
    both.person()
    both.provider.claims = {"sub": "stranger", "preferred_username": "stranger"}
    refused = both.signed_in(both.site.browser())
    assert refused.status_code == 403
    assert "no account here that signs in as stranger" in refused.text
    both.provider.claims["preferred_username"] = "first"  # it has a password
    assert both.signed_in(both.site.browser()).status_code == 403
    taken = both.person()
    assert both.signed_in(both.site.browser()).status_code == 303
    both.provider.claims = {"sub": "another", "preferred_username": taken.name}
    assert both.signed_in(both.site.browser()).status_code == 403
    with both.site.database.reading() as session:
        assert accounts.find_by_subject(session, both.provider.issuer, "another") is None


def test_a_switched_off_account_does_not_sign_in(both: Both) -> None:
    account = both.person()
    with both.site.database.session() as session:
        accounts.set_active(session, account.id, active=False)
    assert both.signed_in(both.site.browser()).status_code == 403


def test_an_account_of_the_provider_has_no_password_that_could_be_guessed(both: Both) -> None:
    account = both.person()
    assert sign_in(both.site.browser(), account.name, "").status_code in {401, 422}
    assert sign_in(both.site.browser(), account.name).status_code == 401


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ({"aud": "another program"}, "aud"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"nonce": "replayed"}, "nonce"),
        ({"exp": 1}, "expired"),
        ({"sub": None}, "sub"),
        ({"preferred_username": ""}, "RADIOLENS_OIDC_NAME_CLAIM"),
    ],
)
def test_a_token_that_does_not_hold_signs_nobody_in(both: Both, spoil: dict[str, Any], said: str) -> None:
    both.person()
    both.provider.spoil = spoil
    browser = both.site.browser()
    answer = both.signed_in(browser)
    assert answer.status_code == 502
    assert said in answer.text
    assert browser.get("/api/v1/tasks").status_code == 401


def test_a_token_that_another_key_signed_or_none_signs_nobody_in(both: Both) -> None:
    both.person()
    both.provider.key = RSAKey.generate_key(2048, {"kid": "one"})
    assert both.signed_in(both.site.browser()).status_code == 502
    both.provider.key = OctKey.import_key(CLIENT_SECRET)
    both.provider.algorithm = "HS256"
    assert both.signed_in(both.site.browser()).status_code == 502


def test_an_answer_that_this_browser_did_not_ask_for_signs_nobody_in(both: Both) -> None:
    both.person()
    attacker, victim = both.site.browser(), both.site.browser()
    link = both.there(attacker)
    assert victim.get(link).status_code == 502  # without a cookie of its own
    both.there(victim)
    assert victim.get(link).status_code == 502  # with that of another sign-in
    assert attacker.get(link).status_code == 303
    assert attacker.get(link).status_code == 502  # a code is good once
    assert victim.get("/sign-in/callback?error=access_denied&state=x").status_code == 502


def test_a_provider_that_calls_itself_otherwise_or_is_away_is_told_as_such(both: Both) -> None:
    issuer = both.provider.issuer
    both.provider.issuer = "https://other.example"
    try:
        answer = both.site.browser().get("/sign-in/elsewhere")
    finally:
        both.provider.issuer = issuer
    assert answer.status_code == 502
    assert "https://other.example" in answer.text
    nobody = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": "a", "oidc_client_secret": "b"}
    with running_site(**nobody) as lonely:
        lonely.add(Role.ADMINISTRATOR, name="first")
        away = lonely.browser().get("/sign-in/elsewhere")
        assert away.status_code == 502
        assert "does not answer" in away.text
        assert sign_in(lonely.browser(), "first").status_code == 303  # passwords still do


def test_a_site_without_a_provider_has_no_such_page(site: Site) -> None:
    assert site.browser().get("/sign-in/elsewhere").status_code == 404
    assert site.browser().get("/sign-in/callback?code=x&state=y").status_code == 404
