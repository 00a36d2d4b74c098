"""The texts of the source, and the catalogues: `python -m tests.locale.catalogues` brings these up to date.

It adds what is new without a translation, drops what is gone, and leaves the rest. The translator's work is then the
entries with an empty `msgstr`, which tests/locale/test_catalogues.py names.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from radiolens.locale.languages import ENGLISH, LANGUAGES, Language
from radiolens.quality import ADVICE
from radiolens.tasks import TASKS
from tests.project.source_tree import PACKAGE

TRANSLATED = tuple(language for language in LANGUAGES if language != ENGLISH)
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2), "plural_forms": (1, 2)}
SOURCES = [("bundles/**", "ignore"), ("web/static/**", "ignore"), ("**.html", "jinja2"), ("**.py", "python")]
OPTIONS = {"**.html": {"newstyle_gettext": "true", "silent": "false"}}
WRITTEN = datetime(2026, 11, 26, tzinfo=UTC)  # of the first catalogues: a date of today would change them at every run
WIDTH = 120


def file_of(language: Language) -> Path:
    return PACKAGE / "locale" / f"{language.code}.po"


def catalogue_of(language: Language) -> Catalog:
    """Return the catalogue of a language as it is, empty if there is none yet."""
    if not file_of(language).is_file():
        return Catalog(locale=language.code)
    with file_of(language).open("rb") as file:
        return read_po(file, locale=language.code)


def source_texts() -> Catalog:
    """Return all texts of the source: those that are marked, and those of the tasks and of the advice."""
    found = Catalog(project="radiolens", creation_date=WRITTEN)
    marked = extract_from_dir(PACKAGE, SOURCES, OPTIONS, KEYWORDS)
    for place, _, text, comments, context in marked:
        found.add(text, locations=[(place, 1)], auto_comments=comments, context=context)
    for place, text in registry_texts():
        found.add(text, locations=[(place, 1)])
    return found


def registry_texts() -> Iterator[tuple[str, str]]:
    """Yield the texts of pure data, which is not marked, with the file that holds them."""
    for advice in ADVICE.values():
        yield "quality.py", advice
    for task in TASKS:
        place = f"tasks/{task.name.replace('-', '_')}.py"
        yield from ((place, text) for text in (task.title, task.intended_use, task.negative_answer))
        yield from ((place, limit.text) for limit in task.limits)
        for label in task.labels:
            yield from ((place, text) for text in (label.title, label.definition, label.why_unreleased) if text)


def brought_up_to_date(language: Language, source: Catalog) -> Catalog:
    """Return the catalogue of a language with exactly the texts of the source."""
    catalogue = catalogue_of(language)
    catalogue.update(source, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.project, catalogue.version, catalogue.revision_date, catalogue.fuzzy = "radiolens", "", WRITTEN, False
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "radiolens"
    catalogue.header_comment = f"# {language.name} texts of radiolens."
    return catalogue


def main() -> None:
    """Write the catalogues."""
    source = source_texts()
    for language in TRANSLATED:
        catalogue = brought_up_to_date(language, source)  # read whole before the same file is opened for writing
        with file_of(language).open("wb") as file:
            write_po(file, catalogue, width=WIDTH, include_lineno=False, sort_by_file=True)


if __name__ == "__main__":
    main()
