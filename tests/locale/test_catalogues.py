"""The catalogues are whole, current, and say the same with the same values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from babel.messages.catalog import Catalog

from radiolens.locale.languages import Language
from tests.locale.catalogues import TRANSLATED, catalogue_of, source_texts

PLACEHOLDER = re.compile(r"%\((\w+)\)s|(%%)")
MARKUP = re.compile(r"</?(\w+)[^>]*>")
LATIN_WORDS = re.compile(r"[a-z]{4}")
INDIAN_LETTERS = re.compile(r"[\u0900-\u097f]")

languages = pytest.mark.parametrize("language", TRANSLATED, ids=lambda language: language.code)


@pytest.fixture(scope="module")
def source() -> Catalog:
    found = source_texts()
    assert len(found) > 150, "the search for marked texts found next to nothing"
    return found


def forms(text: str | Sequence[str]) -> tuple[str, ...]:
    """Return the forms of a text, of which one without a plural has one."""
    return (text,) if isinstance(text, str) else tuple(text)


def translations(language: Language) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Return each translated text of a catalogue: its key, the forms of the source, and those of the language."""
    entries = [message for message in catalogue_of(language) if message.id and all(forms(message.string))]
    return [(forms(message.id)[0], forms(message.id), forms(message.string)) for message in entries]


@languages
def test_a_catalogue_holds_exactly_the_texts_of_the_source(language: Language, source: Catalog) -> None:
    wanted = {message.id for message in source if message.id}
    held = {message.id for message in catalogue_of(language) if message.id}
    assert (wanted - held, held - wanted) == (set(), set()), "run: python -m tests.locale.catalogues"


@languages
def test_every_text_is_translated_in_all_its_forms(language: Language) -> None:
    catalogue = catalogue_of(language)
    assert [message.id for message in catalogue if message.id and not all(forms(message.string))] == []
    assert [
        key for key, one, told in translations(language) if len(one) == 2 and len(told) != catalogue.num_plurals
    ] == []
    assert [message.id for message in catalogue if message.fuzzy and message.id] == []


@languages
def test_a_translation_has_the_values_and_the_markup_of_its_source(language: Language) -> None:
    wrong = []
    for key, source_forms, told in translations(language):
        for pattern in (PLACEHOLDER, MARKUP):
            wanted = {tuple(sorted(map(str, pattern.findall(form)))) for form in source_forms}
            wrong += [key for form in told if tuple(sorted(map(str, pattern.findall(form)))) not in wanted]
    assert wrong == []


@languages
def test_a_translation_begins_and_ends_as_its_source(language: Language) -> None:
    """A full stop that is lost glues two sentences together; a space at an end is lost on the page."""
    stops = "।" if language.code == "hi" else "."
    wrong = []
    for key, source_forms, told in translations(language):
        ends = source_forms[0].endswith(".")
        wrong += [key for form in told if form.endswith((stops, ".")) != ends or form != form.strip()]
    assert wrong == []


def test_hindi_is_written_in_its_own_letters() -> None:
    (hindi,) = (language for language in TRANSLATED if language.code == "hi")
    words = [key for key, _, told in translations(hindi) if LATIN_WORDS.search(PLACEHOLDER.sub("", key))]
    told = {key: "".join(forms_) for key, _, forms_ in translations(hindi)}
    assert [key for key in words if not INDIAN_LETTERS.search(told[key])] == []
