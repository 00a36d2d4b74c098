"""Only this computer is answered, and every answer has the security headers."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from radiolens.web.guard import LoopbackGuard
from radiolens.web.headers import HEADERS
from tests.web.serving import LOCAL, local_client

HOME = ("127.0.0.1", 8000)
ELSEWHERE = ("10.1.1.1", 8000)


def answer(
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    client: tuple[str, int] | None = HOME,
    server: tuple[str, int] | None = HOME,
    allow_remote: bool = False,
) -> Message:
    """Return how the answer starts that the guard lets through, or gives, for a request with these properties."""
    sent: list[Message] = []
    given = {"host": "127.0.0.1:8000"} | {name.lower(): value for name, value in (headers or {}).items()}
    scope: Scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
        "client": client,
        "server": server,
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    guard = LoopbackGuard(PlainTextResponse("through"), allow_remote=allow_remote)
    anyio.run(guard, scope, receive, send)
    return sent[0]


def status(headers: dict[str, str] | None = None, **properties: Any) -> int:  # noqa: ANN401  those of `answer`
    return int(answer(headers, **properties)["status"])


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
    assert status({name: "127.0.0.1"}, allow_remote=True) == 200


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


def test_another_computer_is_answered_with_the_flag() -> None:
    properties: dict[str, Any] = {"client": ELSEWHERE, "server": ELSEWHERE, "allow_remote": True}
    assert status({"Host": "radiolens.hospital.example"}, **properties) == 200
    own = {"Host": "radiolens.hospital.example", "Origin": "https://radiolens.hospital.example"}
    assert status(own, method="POST", **properties) == 200


def test_answers_and_refusals_have_the_security_headers() -> None:
    for start in (answer(), answer(client=ELSEWHERE)):
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        assert {name.lower(): value for name, value in HEADERS.items()}.items() <= found.items()


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
