"""A PDF canvas that says what each piece is and how many pages there are; reportlab has neither.

Marked content and structure elements: ISO 32000-1, 14.6 to 14.8. Screen readers and text extraction follow them, and
take a piece's text from it where glyphs are not characters any more, as in Devanagari.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFObjectReference, PDFPage, PDFString
from reportlab.pdfgen.canvas import Canvas

__all__ = ["Footer", "TaggedCanvas"]

Footer = Callable[[Canvas, int, int], None]
"""Draws what stands on every page, given its number from 1 and the number of pages."""


@dataclass(frozen=True)
class _Piece:
    """A structure element with one piece of content: page and number in it, both from 0."""

    role: str
    page: int
    number: int
    description: str
    language: str


class TaggedCanvas(Canvas):  # type: ignore[misc]  # reportlab has no types
    """Keeps pages until their number is known, and writes the structure tree at the end."""

    def __init__(self, *arguments: Any, footer: Footer, **options: Any) -> None:  # noqa: ANN401  reportlab's own
        super().__init__(*arguments, **options)
        self._footer = footer
        self._pending: list[dict[str, Any]] = []
        self._pieces: list[_Piece] = []

    @contextmanager
    def marked(self, role: str, text: str | None = None, description: str = "", language: str = "") -> Iterator[None]:
        """Mark what is drawn within as a structure element: `role` is P, H1, LI, Figure and so on.

        `text` is what it says, which its glyphs need not tell; `description` that of a picture; `language` that of the
        text where it is not the document's.
        """
        page = len(self._pending)
        number = sum(piece.page == page for piece in self._pieces)
        self._pieces.append(_Piece(role, page, number, description, language))
        said = "" if text is None else f" /ActualText {_hexadecimal(text)}"
        self._code.append(f"/{role} <</MCID {number}{said}>> BDC")
        yield
        self._code.append("EMC")

    def showPage(self) -> None:  # noqa: N802  reportlab's name
        """Put the page aside: the last one is not known yet."""
        self._pending.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        """Write all pages with their footers, then the structure, then the file."""
        if self._code:
            self.showPage()
        pages, pieces = self._pending, self._pieces
        for number, page in enumerate(pages, 1):
            self.__dict__.update(page)
            self._code.append("/Artifact BMC")
            self._footer(self, number, len(pages))
            self._code.append("EMC")
            super().showPage()
        _write_structure(self._doc, pieces)
        self._doc.SaveToFile(self._filename, self)


def _write_structure(document: Any, pieces: list[_Piece]) -> None:  # noqa: ANN401  reportlab has no types
    root, whole = PDFDictionary({"Type": PDFName("StructTreeRoot")}), _element("Document")
    whole_reference = document.Reference(whole)
    pages = document.Pages.pages
    by_page: list[list[PDFObjectReference]] = [[] for _ in pages]
    for piece in pieces:
        element = _element(piece.role)
        element["P"], element["Pg"], element["K"] = whole_reference, document.Reference(pages[piece.page]), piece.number
        if piece.description:
            element["Alt"] = PDFString(piece.description)
        if piece.language:
            element["Lang"] = PDFString(piece.language)
        by_page[piece.page].append(document.Reference(element))
    whole["K"] = PDFArray([reference for references in by_page for reference in references])
    whole["P"] = document.Reference(root)
    root["K"] = PDFArray([whole_reference])
    numbered = [entry for page, references in enumerate(by_page) for entry in (page, PDFArray(references))]
    root["ParentTree"] = document.Reference(PDFDictionary({"Nums": PDFArray(numbered)}))
    for number, page in enumerate(pages):
        page.__NoDefault__ = [*PDFPage.__NoDefault__, "StructParents", "Tabs"]
        page.StructParents, page.Tabs = number, PDFName("S")  # the tab key follows the structure
    document.Catalog.StructTreeRoot = root
    document.Catalog.MarkInfo = PDFDictionary({"Marked": "true"})


def _element(role: str) -> PDFDictionary:
    return PDFDictionary({"Type": PDFName("StructElem"), "S": PDFName(role)})


def _hexadecimal(text: str) -> str:
    """Return a text string as PDF writes it in UTF-16 (ISO 32000-1, 7.9.2.2)."""
    return f"<{(chr(0xFEFF) + text).encode('utf-16-be').hex()}>"
