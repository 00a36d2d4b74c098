"""Signing in with an OpenID Connect provider: the authorisation code flow with PKCE, state and nonce.

OpenID Connect Core 1.0, section 3.1, and RFC 9700. Needs the extra `oidc`, so this module is loaded only where a site
names a provider. Tokens of the provider are not kept: who signs in gets a session of this site.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from radiolens.errors import PeerError
from radiolens.web.accounts.secret import new_secret, same

__all__ = ["Identity", "Provider", "Started"]

_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")  # signed by a key of the provider; never `none` or a shared secret
_LEEWAY_S = 60  # between the clocks
_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Started:
    """A sign-in that went to the provider: what the browser keeps until it comes back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Identity:
    """Who the provider says it is: its own id for the person, and the name of the account here."""

    subject: str
    name: str


class Provider:
    """One OpenID Connect provider."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, name_claim: str) -> None:
        self.issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._name_claim = name_claim

    @property
    def title(self) -> str:
        """Return the provider's name as the page shows it: its host."""
        return urlsplit(self.issuer).netloc

    def start(self, callback: str) -> Started:
        """Return where the browser has to go; raise PeerError if the provider does not answer rightly."""
        endpoint = self._metadata()["authorization_endpoint"]
        state, nonce, verifier = new_secret(), new_secret(), new_secret()
        with self._client(callback) as client:
            address, _state = client.create_authorization_url(
                endpoint, state=state, code_verifier=verifier, nonce=nonce
            )
        return Started(str(address), state, nonce, verifier)

    def finish(
        self,
        callback: str,
        answer: Mapping[str, str],
        state: str,
        nonce: str,
        verifier: str,
        *,
        clock: Callable[[], datetime],
    ) -> Identity:
        """Return who signed in, from the query with which the browser came back, and what it had kept of the start.

        Raises PeerError if that is no answer to what was started, or the provider's token does not hold.
        """
        issuer = answer.get("iss", self.issuer).rstrip("/")  # RFC 9207, where the provider says it
        if issuer != self.issuer or not same(state, answer.get("state", "")):
            raise PeerError("the browser came back with another sign-in than it went with. Sign in again.", self.issuer)
        if "code" not in answer:
            said = answer.get("error", "no code")[:100]
            raise PeerError(f"the provider refused: {said}. Sign in again, or ask who runs it.", self.issuer)
        metadata = self._metadata()
        token = self._fetch_token(metadata["token_endpoint"], callback, answer["code"], verifier)
        return self._identity(token, self._get(metadata["jwks_uri"]), nonce, clock)

    def _client(self, callback: str) -> OAuth2Client:
        return OAuth2Client(
            self._client_id,
            self._client_secret,
            scope="openid profile email",
            redirect_uri=callback,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )

    def _metadata(self) -> dict[str, Any]:
        found = self._get(f"{self.issuer}/.well-known/openid-configuration")
        told = str(found.get("issuer", "")).rstrip("/")
        if told != self.issuer:
            raise PeerError(f"the provider calls itself {told[:100]!r}. Set RADIOLENS_OIDC_ISSUER to it.", self.issuer)
        missing = {"authorization_endpoint", "token_endpoint", "jwks_uri"} - found.keys()
        if missing:
            raise PeerError(f"the provider's description lacks {', '.join(sorted(missing))}.", self.issuer)
        return found

    def _get(self, address: str) -> dict[str, Any]:
        try:
            answer = httpx.get(address, timeout=_TIMEOUT_S)
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            told = f"the provider does not answer ({type(error).__name__}). Try again later."
            raise PeerError(told, address) from error
        return found

    def _fetch_token(self, endpoint: str, callback: str, code: str, verifier: str) -> dict[str, Any]:
        try:
            with self._client(callback) as client:
                token: dict[str, Any] = client.fetch_token(endpoint, code=code, code_verifier=verifier)
        except (httpx.HTTPError, OAuthError, ValueError) as error:
            raise PeerError(f"the provider gave no token ({type(error).__name__}). Sign in again.", endpoint) from error
        return token

    def _identity(
        self, token: Mapping[str, Any], keys: Mapping[str, Any], nonce: str, clock: Callable[[], datetime]
    ) -> Identity:
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(clock().timestamp()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "values": [self.issuer, f"{self.issuer}/"]},
            aud={"essential": True, "value": self._client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            claims = jwt.decode(
                str(token.get("id_token", "")), KeySet.import_key_set(cast("Any", keys)), list(_ALGORITHMS)
            ).claims
            registry.validate(claims)
        except (JoseError, ValueError, KeyError) as error:
            raise PeerError(f"the provider's token does not hold ({error}). Sign in again.", self.issuer) from error
        name = claims.get(self._name_claim)
        if not isinstance(name, str) or not name:
            raise PeerError(
                f"the provider does not tell {self._name_claim!r}. Set RADIOLENS_OIDC_NAME_CLAIM to one that it tells.",
                self.issuer,
            )
        return Identity(str(claims["sub"]), name)
