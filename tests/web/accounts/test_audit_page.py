"""The audit log in the browser."""

from __future__ import annotations

import csv
import io
import sqlite3
from datetime import timedelta

import pytest

from radiolens.store import audit
from radiolens.web.accounts.audit_page import PAGE_ENTRIES
from radiolens.web.accounts.principal import Role
from tests.web.accounts.site import Site, running_site, sign_in


def test_an_administrator_sees_who_did_what_newest_first_and_can_look_for_it(site: Site) -> None:
    browser, account = site.signed_in(Role.ADMINISTRATOR)
    page = browser.get("/audit").text
    assert page.index("session.open") > page.index("<tbody>")
    mine = browser.get("/audit", params={"actor": account.name, "action": "session."}).text
    assert mine.count(f"<td>{account.name}</td>") == 1
    assert f"user:{account.id}" in mine
    assert "Nothing fits." in browser.get("/audit", params={"actor": "nobody"}).text
    day = site.clock().astimezone().date()
    assert account.name in browser.get("/audit", params={"since": day, "until": day, "actor": account.name}).text
    later = day + timedelta(days=1)
    assert "Nothing fits." in browser.get("/audit", params={"since": later, "actor": account.name}).text


@pytest.mark.parametrize(
    "asked",
    [
        {"since": "yesterday"},
        {"since": "0001-01-01"},  # of which some time zones find no midnight
        {"until": "9999-12-31"},  # after which there is no day
        {"before": "0"},
        {"before": str(2**63)},  # which no database holds
    ],
)
def test_what_cannot_be_looked_for_is_told(site: Site, asked: dict[str, str]) -> None:
    browser, _ = site.signed_in(Role.ADMINISTRATOR)
    assert browser.get("/audit", params=asked).status_code == 422


def test_many_entries_come_in_pages_without_a_gap(site: Site) -> None:
    browser, _ = site.signed_in(Role.ADMINISTRATOR)
    with site.database.session() as session:
        for number in range(PAGE_ENTRIES + 5):
            audit.append(session, audit.PROGRAM, "page.test", f"number:{number}")
    first = browser.get("/audit", params={"action": "page.test"}).text
    assert first.count("<code>page.test</code>") == PAGE_ENTRIES
    with site.database.reading() as session:
        numbers = [entry.number for entry in audit.entries(session, action="page.test")]
    older = browser.get("/audit", params={"action": "page.test", "before": numbers[PAGE_ENTRIES - 1]}).text
    assert older.count("<code>page.test</code>") == 5
    assert "Older entries" in first
    assert "Older entries" not in older


def test_the_csv_holds_the_same_and_no_formula_and_is_noted_itself(site: Site) -> None:
    browser, account = site.signed_in(Role.ADMINISTRATOR)
    with site.database.session() as session:
        audit.append(session, audit.PROGRAM, "csv.test", "=HYPERLINK(1)", {"note": "a, b"})
        audit.append(session, audit.PROGRAM, "csv.break", "\n=HYPERLINK(1)")
    (broken,) = csv.DictReader(io.StringIO(browser.get("/audit/audit.csv", params={"action": "csv.break"}).text))
    assert broken["target"] == "'\n=HYPERLINK(1)"
    answer = browser.get("/audit/audit.csv", params={"action": "csv.test"})
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["target"] == "'=HYPERLINK(1)"
    assert row["detail"] == '{"note": "a, b"}'
    assert site.log("audit.export")[0].actor == account.name


def test_a_changed_entry_is_named() -> None:
    with running_site() as site:
        site.add(Role.ADMINISTRATOR, name="ada")
        browser = site.browser()
        sign_in(browser, "ada")
        whole = browser.get("/audit", params={"verify": "true"}).text
        assert "The chain holds." in whole
        number = site.log("session.open")[0].number
        with site.database.reading() as session:
            assert f"{number}:{audit.head(session).hash}" in whole
        with sqlite3.connect(str(site.database.file)) as raw:  # as somebody would who has the file
            raw.execute("DROP TRIGGER audit_entries_no_update")
            raw.execute("UPDATE audit_entries SET actor = 'eve' WHERE number = ?", (number,))
        assert f"The chain is broken at entry {number}." in browser.get("/audit", params={"verify": "true"}).text
