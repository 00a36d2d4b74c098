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

__all__ = ["Footer", "Group", "TaggedCanvas"]

Footer = Callable[[Canvas, int, int], None]
"""Draws what stands on every page, given its number from 1 and the number of pages."""


@dataclass(frozen=True, eq=False)
class Group:
    """A structure element that holds others, itself in another or in the document: Table, TR, TH, TD, L, LI.

    `scope` says of a TH whether it heads its Row or its Column. Two of the same role are two elements.
    """

    role: str
    within: Group | None = None
    scope: str = ""


@dataclass(frozen=True)
class _Piece:
    """A structure element with one piece of content: page and number in it, both from 0."""

    role: str
    page: int
    number: int
    description: str
    language: str
    within: Group | None


class TaggedCanvas(Canvas):  # type: ignore[misc]  # reportlab has no types
    """Keeps pages until their number is known, and writes the structure tree at the end."""

    def __init__(self, *arguments: Any, footer: Footer, **options: Any) -> None:  # noqa: ANN401  reportlab's own
        super().__init__(*arguments, **options)
        self._footer = footer
        self._pending: list[dict[str, Any]] = []
        self._pieces: list[_Piece] = []

    @contextmanager
    def marked(
        self,
        role: str,
        text: str | None = None,
        description: str = "",
        language: str = "",
        within: Group | None = None,
    ) -> Iterator[None]:
        """Mark what is drawn within as a structure element: `role` is P, H1, LBody, Figure and so on.

        `text` is what it says, which its glyphs need not tell; `description` that of a picture; `language` that of the
        text where it is not the document's. The element lies `within` a group, else in the document.
        """
        page = len(self._pending)
        number = sum(piece.page == page for piece in self._pieces)
        self._pieces.append(_Piece(role, page, number, description, language, within))
        said = "" if text is None else f" /ActualText {_hexadecimal(text)}"
        self._code.append(f"/{role} <</MCID {number}{said}>> BDC")
        yield
        self._code.append("EMC")

    @contextmanager
    def artifact(self) -> Iterator[None]:
        """Mark what is drawn within as no content: decoration, or what is told elsewhere."""
        self._code.append("/Artifact BMC")
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
            with self.artifact():
                self._footer(self, number, len(pages))
            super().showPage()
        _write_structure(self._doc, pieces)
        self._doc.SaveToFile(self._filename, self)


def _write_structure(document: Any, pieces: list[_Piece]) -> None:  # noqa: ANN401  reportlab has no types
    tree = _Tree(document)
    pages = document.Pages.pages
    by_page: list[list[PDFObjectReference]] = [[] for _ in pages]
    for piece in pieces:
        element = _element(piece.role)
        element["Pg"], element["K"] = document.Reference(pages[piece.page]), piece.number
        if piece.description:
            element["Alt"] = PDFString(piece.description)
        if piece.language:
            element["Lang"] = PDFString(piece.language)
        by_page[piece.page].append(tree.add(element, piece.within))
    root = tree.finish()
    numbered = [entry for page, references in enumerate(by_page) for entry in (page, PDFArray(references))]
    root["ParentTree"] = document.Reference(PDFDictionary({"Nums": PDFArray(numbered)}))
    for number, page in enumerate(pages):
        page.__NoDefault__ = [*PDFPage.__NoDefault__, "StructParents", "Tabs"]
        page.StructParents, page.Tabs = number, PDFName("S")  # the tab key follows the structure
    document.Catalog.StructTreeRoot = root
    document.Catalog.MarkInfo = PDFDictionary({"Marked": "true"})


class _Tree:
    """The structure elements as they come: each is put behind what lies in its group so far."""

    def __init__(self, document: Any) -> None:  # noqa: ANN401  as above
        self._document = document
        self._root = PDFDictionary({"Type": PDFName("StructTreeRoot")})
        self._elements: dict[Group | None, tuple[PDFDictionary, PDFObjectReference]] = {}
        self._children: dict[Group | None, list[PDFObjectReference]] = {None: []}
        whole = _element("Document")
        whole["P"] = document.Reference(self._root)
        self._elements[None] = whole, document.Reference(whole)

    def add(self, element: PDFDictionary, within: Group | None) -> PDFObjectReference:
        """Put an element into its group, which begins where its first element does; return the reference to it."""
        if within is not None and within not in self._elements:
            group = _element(within.role)
            if within.scope:
                group["A"] = PDFDictionary({"O": PDFName("Table"), "Scope": PDFName(within.scope)})
            self._children[within] = []
            self._elements[within] = group, self.add(group, within.within)
        element["P"] = self._elements[within][1]
        reference = self._document.Reference(element)
        self._children[within].append(reference)
        return reference

    def finish(self) -> PDFDictionary:
        """Write into each group what lies in it, and return the root of the tree."""
        for group, (element, _reference) in self._elements.items():
            element["K"] = PDFArray(self._children[group])
        self._root["K"] = PDFArray([self._elements[None][1]])
        return self._root


def _element(role: str) -> PDFDictionary:
    return PDFDictionary({"Type": PDFName("StructElem"), "S": PDFName(role)})


def _hexadecimal(text: str) -> str:
    """Return a text string as PDF writes it in UTF-16 (ISO 32000-1, 7.9.2.2)."""
    return f"<{(chr(0xFEFF) + text).encode('utf-16-be').hex()}>"
