"""Languages are found, chosen and spoken; numbers, dates and lists are written as they do."""

from __future__ import annotations

import threading
from contextvars import copy_context
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from radiolens.locale.languages import ENGLISH, LANGUAGES, Language, current_language, find_language, negotiate, using
from radiolens.locale.translate import N_, gettext, ngettext, plural_forms
from radiolens.locale.writing import day, exact_moment, listed, moment, number, percent
from tests.zones import KOLKATA, NEW_YORK, PARIS, computer_in

FRENCH, SPANISH, PORTUGUESE, HINDI = LANGUAGES[1:]


@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA, en;q=0.8", "fr"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("de, hi;q=0.5, es;q=0.9", "es"),
        ("de-DE, *;q=0.1", "en"),
        ("fr;q=0, es;q=0.2", "es"),
        ("hi;q=many, es", "es"),
        (";;;,,=", "en"),
    ],
)
def test_the_best_language_that_there_is_answers_what_a_browser_asks_for(accepted: str, code: str) -> None:
    assert negotiate(accepted).code == code


def test_a_language_is_found_with_or_without_its_region() -> None:
    assert find_language("pt") == find_language("pt-BR") == find_language(" PT_br ") == PORTUGUESE
    assert find_language("xx") is find_language("") is None


def test_outside_of_a_request_english_is_spoken() -> None:
    assert current_language() == ENGLISH
    assert gettext("Pneumonia") == "Pneumonia"


def test_a_language_is_spoken_in_its_block_and_nowhere_else() -> None:
    heard = []
    with using(SPANISH):
        with using(FRENCH):
            context = copy_context()
        other = threading.Thread(target=lambda: heard.append(current_language()))
        other.start()
        other.join()
        assert current_language() == SPANISH
    assert context.run(current_language) == FRENCH
    assert heard == [ENGLISH]
    assert current_language() == ENGLISH


def test_a_text_takes_its_values_and_an_unknown_one_stays_as_it_is() -> None:
    with using(FRENCH):
        assert gettext("Slice %(number)s of %(count)s", number=3, count=9) == "Coupe 3 sur 9"
        assert gettext("never in any catalogue: 90 % of %(n)s") == "never in any catalogue: 90 % of %(n)s"
        assert gettext("") == ""
    assert N_("Pneumonia") == "Pneumonia"


def test_a_count_chooses_the_form_by_the_rules_of_the_language() -> None:
    one, many = "and %(count)s more of its series", "and %(count)s more of its series"
    with using(FRENCH):
        assert [ngettext(one, many, n, count=n) for n in (0, 1, 2)] == [
            "et 0 autre de sa série",
            "et 1 autre de sa série",
            "et 2 autres de sa série",
        ]
        assert set(plural_forms(one, many)) == {"one", "other", "many"}
        assert plural_forms(one, many)["one"] == "et %(count)s autre de sa série"
    assert plural_forms("one", "more") == {"one": "one", "other": "more"}


@pytest.mark.parametrize(
    ("language", "written"),
    [
        (ENGLISH, ("1,234.5", "0.50", "87.3 %", "26 Nov 2026", "a, b and c", "a or b")),
        (FRENCH, ("1\u202f234,5", "0,50", "87,3\u00a0%", "26 nov. 2026", "a, b et c", "a ou b")),
        (SPANISH, ("1.234,5", "0,50", "87,3\u00a0%", "26 nov 2026", "a, b y c", "a o b")),
        (PORTUGUESE, ("1.234,5", "0,50", "87,3%", "26 de nov. de 2026", "a, b e c", "a ou b")),
        (HINDI, ("1,234.5", "0.50", "87.3%", "26 नव॰ 2026", "a, b और c", "a या b")),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_numbers_dates_and_lists_are_written_as_the_language_does(language: Language, written: tuple[str, ...]) -> None:
    with using(language):
        assert written == (
            number(1234.5),
            number(0.5, 2),
            percent(0.873, 1),
            day(date(2026, 11, 26)),
            listed(["a", "b", "c"]).replace(", और", " और"),  # the comma went with the CLDR of Babel 2.19
            listed(["a", "b"], "or"),
        )


def test_large_numbers_are_grouped_as_in_india() -> None:
    with using(HINDI):
        assert number(1_234_567) == number(1_234_567, 0) == "12,34,567"


def test_a_moment_is_told_in_the_zone_that_is_asked_for() -> None:
    noon = datetime(2026, 11, 26, 12, 0, 5, tzinfo=UTC)
    india = timezone(timedelta(hours=5, minutes=30))
    assert moment(noon, UTC) == moment(noon.replace(tzinfo=None), UTC) == "26 Nov 2026, 12:00"
    assert moment(noon, india) == "26 Nov 2026, 17:30"
    assert moment(noon) == moment(noon, noon.astimezone().tzinfo)
    assert exact_moment(noon, UTC) == exact_moment(noon.replace(tzinfo=None), UTC) == "26 Nov 2026, 12:00:05 UTC"
    assert exact_moment(noon, india) == "26 Nov 2026, 17:30:05 UTC+05:30"
    with using(FRENCH):
        assert moment(noon, UTC) == "26 nov. 2026, 12:00"
        assert exact_moment(noon, india) == "26 nov. 2026, 17:30:05 UTC+05:30"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (KOLKATA, "27 Nov 2026, 01:45:00 UTC+05:30"),
        (PARIS, "26 Nov 2026, 21:15:00 UTC+01:00"),
        (NEW_YORK, "26 Nov 2026, 15:15:00 UTC-05:00"),
        ("UTC0", "26 Nov 2026, 20:15:00 UTC"),
    ],
)
def test_a_moment_and_its_day_are_those_of_this_computer(zone: str, expected: str) -> None:
    evening = datetime(2026, 11, 26, 20, 15, tzinfo=UTC)
    with computer_in(zone):
        assert exact_moment(evening) == exact_moment(evening.replace(tzinfo=None)) == expected
        assert moment(evening) == expected[:18]
        assert day(evening) == expected[:11]


def test_summer_time_is_that_of_the_moment_and_tells_the_hour_that_comes_twice_apart() -> None:
    with computer_in(PARIS):
        assert exact_moment(datetime(2026, 7, 1, 12, tzinfo=UTC)) == "1 Jul 2026, 14:00:00 UTC+02:00"
        twice = [exact_moment(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    assert twice == ["25 Oct 2026, 02:30:00 UTC+02:00", "25 Oct 2026, 02:30:00 UTC+01:00"]
