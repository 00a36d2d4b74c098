"""Only this computer is answered unless others are let in, over HTTPS; every answer has the security headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from radiolens.web.guard import LOCAL_KEY, Guard
from radiolens.web.headers import HEADERS
from tests.web.serving import LOCAL, local_client

HOME = ("127.0.0.1", 8000)
ELSEWHERE = ("10.1.1.1", 8000)


@dataclass(frozen=True)
class Seen:
    """How an answer starts, and what the app was told of the request: nothing if it was refused."""

    status: int
    headers: dict[str, str]
    scope: Scope


def answer(
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    client: tuple[str, int] | None = HOME,
    server: tuple[str, int] | None = HOME,
    scheme: str = "http",
    **settings: Any,  # noqa: ANN401  those of the guard
) -> Seen:
    """Ask an app behind the guard with these properties."""
    sent: list[Message] = []
    seen: Scope = {}
    given = {"host": "127.0.0.1:8000"} | {name.lower(): value for name, value in (headers or {}).items()}
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "scheme": scheme,
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
        "client": client,
        "server": server,
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        await PlainTextResponse("through")(scope, receive, send)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    anyio.run(Guard(app, **{"allow_remote": False, **settings}), scope, receive, send)
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Seen(int(sent[0]["status"]), found, seen)


def status(headers: dict[str, str] | None = None, **properties: Any) -> int:  # noqa: ANN401  those of `answer`
    return answer(headers, **properties).status


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost", "0:0:0:0:0:0:0:1"]
)
def test_a_client_and_a_server_on_this_computer_are_answered(address: str) -> None:
    assert status(client=(address, 40000)) == 200
    assert status(server=(address, 8000)) == 200


@pytest.mark.parametrize(
    "address", ["10.1.1.1", "192.168.1.7", "::ffff:10.1.1.1", "fe80::1", "2001:db8::1", "0.0.0.1", "::", "testclient"]
)
def test_another_computer_is_refused_as_client_and_as_server(address: str) -> None:
    assert status(client=(address, 40000)) == 403
    assert status(server=(address, 8000)) == 403


def test_a_request_without_addresses_is_refused_since_nothing_shows_where_it_comes_from() -> None:
    assert status(client=None) == 403
    assert status(server=None) == 403


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"]
)
def test_a_host_on_this_computer_is_answered(host: str) -> None:
    assert status({"Host": host}) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "192.168.1.7:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "127.0.0.1@evil.example",
        "[::1",
        "[::ffff:10.1.1.1]",
        "",
    ],
)
def test_a_host_that_is_not_this_computer_is_refused_as_dns_rebinding_would_send_it(host: str) -> None:
    assert status({"Host": host}) == 403


@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Server",
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
    ],
)
def test_what_came_through_a_proxy_is_refused_even_if_it_names_this_computer(name: str) -> None:
    assert status({name: "127.0.0.1"}) == 403
    assert status({name: "127.0.0.1"}, allow_remote=True) == 403
    assert status({name: "127.0.0.1"}, allow_remote=True, trusted=["10.0.0.0/8"]) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "null"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("allow_remote", [False, True])
def test_a_post_of_another_site_is_refused_whatever_is_allowed(headers: dict[str, str], allow_remote: bool) -> None:
    assert status(headers, method="POST", allow_remote=allow_remote) == 403
    assert status(headers, method="DELETE", allow_remote=allow_remote) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_post_of_our_own_page_or_of_a_program_is_answered(headers: dict[str, str]) -> None:
    assert status(headers, method="POST") == 200


def test_a_link_on_another_site_may_open_the_page() -> None:
    assert status({"Sec-Fetch-Site": "cross-site"}) == 200
    assert status({"Sec-Fetch-Site": "cross-site"}, method="HEAD") == 200


REMOTE: dict[str, Any] = {"client": ELSEWHERE, "server": ("10.1.1.2", 443), "allow_remote": True}
NAMED = {"Host": "radiolens.hospital.example"}


def test_another_computer_is_answered_over_https_with_the_flag() -> None:
    assert status(NAMED, **REMOTE, scheme="https") == 200
    own = NAMED | {"Origin": "https://radiolens.hospital.example"}
    assert status(own, method="POST", **REMOTE, scheme="https") == 200
    assert status(NAMED, **(REMOTE | {"allow_remote": False}), scheme="https") == 403


def test_another_computer_is_not_answered_in_clear_but_told_how_to_put_tls_before() -> None:
    refused = answer(NAMED, **REMOTE)
    assert refused.status == 403
    assert refused.scope == {}
    assert answer(**(REMOTE | {"client": HOME, "server": HOME})).status == 200  # this computer needs none


@pytest.mark.parametrize(
    ("host", "expected"), [("films.example", 200), ("FILMS.example:443", 200), ("evil.example", 403)]
)
def test_a_site_with_names_answers_to_them_alone(host: str, expected: int) -> None:
    assert status({"Host": host}, **REMOTE, scheme="https", hosts={"films.example"}) == expected


def test_a_trusted_proxy_says_who_asks_and_by_which_scheme() -> None:
    forwarded = NAMED | {"X-Forwarded-For": "6.6.6.6, 192.0.2.9", "X-Forwarded-Proto": "https"}
    behind = {"allow_remote": True, "trusted": ["127.0.0.1"]}
    seen = answer(forwarded, **behind)
    assert seen.status == 200
    assert seen.scope["client"][0] == "192.0.2.9"  # what stands before was written by the client itself
    assert seen.scope["scheme"] == "https"
    assert not seen.scope[LOCAL_KEY]
    assert status(forwarded | {"X-Forwarded-Proto": "http"}, **behind) == 403
    assert status(forwarded, allow_remote=True, trusted=["10.0.0.0/8"]) == 403
    assert status(forwarded, allow_remote=False, trusted=["127.0.0.1"]) == 403


@pytest.mark.parametrize("claimed", ["127.0.0.1", "::1", "localhost"])
def test_nobody_behind_a_proxy_can_pretend_to_sit_at_this_computer(claimed: str) -> None:
    forwarded = {"X-Forwarded-For": claimed, "X-Forwarded-Proto": "https"}
    seen = answer(forwarded, allow_remote=True, trusted=["127.0.0.1"])
    assert seen.status == 200
    assert not seen.scope[LOCAL_KEY]


def test_answers_and_refusals_have_the_security_headers() -> None:
    for found in (answer(), answer(client=ELSEWHERE)):
        assert {name.lower(): value for name, value in HEADERS.items()}.items() <= found.headers.items()
        assert "strict-transport-security" not in found.headers
    assert "max-age" in answer(NAMED, **REMOTE, scheme="https").headers["strict-transport-security"]


def test_the_policy_allows_no_inline_and_no_foreign_code() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_apps_own_refusal_is_a_problem_document() -> None:
    with local_client() as local:
        refused = local.get("/", headers={"Host": "evil.example"})
        assert refused.status_code == 403
        assert refused.headers["content-type"] == "application/problem+json"
        assert "only this computer" in refused.json()["detail"]
        with TestClient(local.app, base_url=LOCAL, client=ELSEWHERE, raise_server_exceptions=False) as remote:
            assert remote.post("/api/v1/predictions").status_code == 403
