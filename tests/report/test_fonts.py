"""The fonts that are shipped."""

from __future__ import annotations

import pytest
from fontTools.ttLib import TTFont

from radiolens.report.fonts import BOLD, FOLDER, LACKING, REGULAR, printable

LETTERS = {
    "en": "The quick brown fox",
    "fr": "Où çà, cœur, garçon, naïve, ÉÈÊËÎÏÔÙÛÜŸ « »",
    "es": "¿Qué? ¡Niño! áéíóúüñ",
    "pt": "ãõâêôáéíóúàç",
    "hi": "अआइईउऊऋएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहड़ढ़ािीुूृेैोौंःँ्।॥०१२३४५६७८९₹",
}


@pytest.mark.parametrize("language", LETTERS)
def test_every_language_of_the_pages_can_be_written(language: str) -> None:
    assert LACKING not in printable(LETTERS[language])


@pytest.mark.parametrize("name", [REGULAR, BOLD])
def test_each_file_names_its_licence_and_may_be_embedded(name: str) -> None:
    with TTFont(FOLDER / f"{name}.ttf") as font:
        assert "SIL Open Font License" in font["name"].getDebugName(13)
        assert "Noto" not in font["name"].getDebugName(1)  # a trademark
        assert font["OS/2"].fsType == 0  # installable embedding: no restriction


def test_the_licence_is_beside_the_fonts() -> None:
    text = (FOLDER / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in text
    assert "notofonts/devanagari" in text


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert printable("e\u0301") == "é"
