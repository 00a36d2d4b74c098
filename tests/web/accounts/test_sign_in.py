"""Signing in: sessions, lock-out that tells no names, and where one is sent."""

from __future__ import annotations

import time

import pytest

from radiolens.store.accounts import set_active
from radiolens.web.accounts.passwords import Passwords
from radiolens.web.accounts.principal import Role
from radiolens.web.accounts.secret import FORM_COOKIE, SESSION_COOKIE
from tests.web.accounts.site import PAGE, PASSWORD, Site, csrf, hidden, send, sign_in

WRONG = "violet kettle marble monday"


def reason(text: str) -> str:
    """Return what the page says went wrong."""
    return text.split('role="alert" id="notice">')[1].split("</p>")[0]


def test_who_is_not_signed_in_is_sent_to_the_form_and_a_program_is_told(site: Site) -> None:
    browser = site.browser()
    sent = browser.get("/?study=chest", headers=PAGE)
    assert sent.status_code == 303
    assert sent.headers["location"] == "/sign-in?next=%2F%3Fstudy%3Dchest"
    told = browser.get("/api/v1/tasks")
    assert told.status_code == 401
    assert told.headers["www-authenticate"] == "Bearer"
    assert "API token" in told.json()["detail"]


def test_a_name_and_its_password_open_the_page_that_was_wanted(site: Site) -> None:
    account, browser = site.add(Role.CLINICIAN), site.browser()
    answer = sign_in(browser, f"  {account.name.upper()} ", wanted="/?study=chest")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?study=chest"
    page = browser.get("/", headers=PAGE)
    assert page.status_code == 200
    assert f"Account: {account.name}" in page.text
    assert site.log("session.open")[0].actor == account.name


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/%0d%0aSet-Cookie:x=1\r\n",
        "javascript:alert(1)",
        "evil.example",
    ],
)
def test_signing_in_leads_to_no_other_site(site: Site, address: str) -> None:
    browser = site.browser()
    answer = sign_in(browser, "first", wanted=address)
    assert answer.status_code == 303
    assert answer.headers["location"] in site.app.state.paths
    assert hidden(site.browser().get("/sign-in", params={"next": address}).text, "next") == ""


def test_the_cookie_is_for_no_script_and_no_other_site_and_over_https_for_this_host_alone(site: Site) -> None:
    account = site.add(Role.CLINICIAN)
    plain = sign_in(site.browser(), account.name).headers.get_list("set-cookie")
    (session,) = [text for text in plain if text.startswith(f"{SESSION_COOKIE}=")]
    assert "HttpOnly" in session
    assert "SameSite=lax" in session
    assert "Path=/" in session
    assert "Domain" not in session
    secure = sign_in(site.browser("https://127.0.0.1:8000"), account.name).headers.get_list("set-cookie")
    (session,) = [text for text in secure if text.startswith(f"__Host-{SESSION_COOKIE}=")]
    assert "Secure" in session


def test_a_session_that_was_there_before_is_not_the_one_after_signing_in(site: Site) -> None:
    browser, account = site.signed_in(Role.CLINICIAN)
    before = browser.cookies[SESSION_COOKIE]
    browser.cookies.set(SESSION_COOKIE, before, domain="127.0.0.1", path="/")
    assert sign_in(browser, account.name).status_code == 303
    after = browser.cookies[SESSION_COOKIE]
    assert after != before
    thief = site.browser()
    thief.cookies.set(SESSION_COOKIE, before)
    assert thief.get("/api/v1/tasks").status_code == 401
    invented = site.browser()
    invented.cookies.set(SESSION_COOKIE, "chosen-by-the-attacker", domain="127.0.0.1", path="/")
    sign_in(invented, account.name)
    assert invented.cookies[SESSION_COOKIE] != "chosen-by-the-attacker"


def test_a_form_of_another_page_signs_nobody_in(site: Site) -> None:
    account, browser = site.add(Role.CLINICIAN), site.browser()
    browser.get("/sign-in")
    form = {"name": account.name, "password": PASSWORD, "form_token": "guessed"}
    assert browser.post("/sign-in", data=form).status_code == 403
    assert browser.post("/sign-in", data={**form, "form_token": ""}).status_code == 403
    fresh = site.browser()  # no cookie at all
    assert fresh.post("/sign-in", data={**form, "form_token": ""}).status_code == 403


def test_the_same_is_said_of_a_wrong_password_and_of_a_name_that_nobody_has(site: Site) -> None:
    account = site.add(Role.CLINICIAN)
    nobody = f"{account.name}-nobody"
    said = {}
    for name in (account.name, nobody):
        browser = site.browser()
        answers = [sign_in(browser, name, WRONG) for _ in range(6)]
        said[name] = [
            (answer.status_code, reason(answer.text), answer.headers.get("retry-after")) for answer in answers
        ]
    assert said[account.name] == said[nobody]
    assert [status for status, _text, _after in said[nobody]] == [401, 401, 401, 401, 429, 429]
    assert "locked" in said[nobody][-1][1]


def test_a_locked_name_does_not_open_with_the_right_password_until_the_time_is_over(site: Site) -> None:
    account, browser = site.add(Role.CLINICIAN), site.browser()
    for _ in range(5):
        sign_in(browser, account.name, WRONG)
    assert site.log("session.locked")[0].target == f"user:{account.id}"
    assert sign_in(browser, account.name).status_code == 429
    site.clock.move(minutes=14)
    assert sign_in(browser, account.name).status_code == 429
    site.clock.move(minutes=1.1)
    assert sign_in(browser, account.name).status_code == 303


def test_only_failures_in_a_row_lock(site: Site) -> None:
    account, browser = site.add(Role.CLINICIAN), site.browser()
    for _ in range(3):
        for _ in range(4):
            assert sign_in(browser, account.name, WRONG).status_code == 401
        assert sign_in(browser, account.name).status_code == 303
        browser.cookies.clear()


def test_a_name_that_nobody_has_is_not_written_into_the_log(site: Site) -> None:
    sign_in(site.browser(), "my secret password, in the wrong field", WRONG)
    entry = site.log("session.refused")[0]
    assert entry.target == "user:unknown"
    assert "secret" not in str(entry)


def test_a_name_that_nobody_has_takes_as_long(site: Site) -> None:
    account = site.add(Role.CLINICIAN)
    accounts = site.accounts

    def seconds(name: str) -> float:
        start = time.process_time()  # of all threads of the hash, and of no other program
        with pytest.raises(Exception, match="name or the password is wrong"):
            accounts.sign_in(name, WRONG, "timing")
        return time.process_time() - start

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "passwords", Passwords(16384))  # so that the hash outweighs the rest
        found = {"known": [], "unknown": []}
        for number in range(5):
            found["known"].append(seconds(site.add(Role.CLINICIAN).name))
            found["unknown"].append(seconds(f"{account.name}-{number}"))
    ratio = min(found["unknown"]) / min(found["known"])  # other threads only add to it
    assert 0.5 < ratio < 2  # without a hash it is below 0.1


def test_a_session_ends_when_it_is_idle_and_not_while_it_is_used(site: Site) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    for _ in range(4):
        site.clock.move(minutes=25)
        assert browser.get("/api/v1/tasks").status_code == 200
    site.clock.move(minutes=31)
    assert browser.get("/api/v1/tasks").status_code == 401


def test_a_session_ends_after_twelve_hours_however_it_is_used(site: Site) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    for _ in range(28):
        site.clock.move(minutes=25)
        assert browser.get("/api/v1/tasks").status_code == 200
    site.clock.move(minutes=25)
    assert browser.get("/api/v1/tasks").status_code == 401


def test_signing_out_ends_the_session_and_not_only_the_cookie(site: Site) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    secret = browser.cookies[SESSION_COOKIE]
    answer = send(browser, "/sign-out")
    assert answer.headers["location"] == "/sign-in"
    assert SESSION_COOKIE not in browser.cookies
    browser.cookies.set(SESSION_COOKIE, secret)
    assert browser.get("/api/v1/tasks").status_code == 401


def test_switching_an_account_off_ends_its_session_at_once(site: Site) -> None:
    browser, account = site.signed_in(Role.CLINICIAN)
    with site.database.session() as session:
        set_active(session, account.id, active=False)
    assert browser.get("/api/v1/tasks").status_code == 401
    again = sign_in(site.browser(), account.name)
    assert again.status_code == 401
    assert "wrong" in reason(again.text)


def test_a_change_needs_the_token_of_the_session(site: Site) -> None:
    browser, _ = site.signed_in(Role.CLINICIAN)
    other, _ = site.signed_in(Role.CLINICIAN)
    for token in ("", "guessed", csrf(other)):
        refused = browser.post("/account/tokens", data={"name": "x", "days": 30, "csrf_token": token})
        assert refused.status_code == 403
        assert browser.post("/account/tokens", data={"name": "x"}, headers={"X-CSRF-Token": token}).status_code == 403
        upload = {"file": ("a.png", b"text")}
        kept = browser.post("/api/v1/predictions", files=upload, data={"csrf_token": token})
        assert kept.status_code == 403
    assert browser.post("/api/v1/predictions", json={}).status_code == 403
    right = csrf(browser)
    assert browser.post("/api/v1/predictions", files=upload, data={"csrf_token": right}).status_code == 415
    assert browser.post("/api/v1/predictions", files=upload, headers={"X-CSRF-Token": right}).status_code == 415
    assert browser.post("/", files=upload, data={"csrf_token": right, "study": "chest"}).status_code == 200


def test_who_signs_in_too_often_from_one_address_waits(site: Site) -> None:
    accounts = site.accounts
    for _ in range(accounts.policy.sign_ins_per_minute):
        accounts.limits.check("sign-in", "192.0.2.77", accounts.policy.sign_ins_per_minute)
    browser = site.browser("https://films.example", client=("192.0.2.77", 1))
    with pytest.raises(Exception, match="requests came within a minute") as caught:
        accounts.sign_in("first", PASSWORD, "192.0.2.77")
    assert 1 <= int(caught.value.headers["Retry-After"]) <= 60
    assert browser.get("/").status_code == 403  # and the guard refuses it anyway


def test_an_account_may_not_ask_without_end(site: Site) -> None:
    browser, account = site.signed_in(Role.CLINICIAN)
    accounts = site.accounts
    for _ in range(accounts.policy.requests_per_minute - 1):
        accounts.limits.check("request", str(account.id), accounts.policy.requests_per_minute)
    browser.get("/account")
    refused = browser.get("/api/v1/tasks")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    assert site.signed_in(Role.CLINICIAN)[0].get("/api/v1/tasks").status_code == 200


def test_the_form_remembers_the_name_and_never_the_password(site: Site) -> None:
    browser = site.browser()
    page = sign_in(browser, 'some"<name>', WRONG).text
    assert "some&#34;&lt;name&gt;" in page
    assert WRONG not in page
    assert hidden(page, "form_token") == browser.cookies[FORM_COOKIE]
