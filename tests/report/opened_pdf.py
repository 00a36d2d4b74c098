"""Opens a report's PDF with another program's eyes: PDFium."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from pypdfium2 import raw


@dataclass(frozen=True)
class Element:
    """A structure element of a page: its role, the description of a picture, a language of its own, and what is in it.

    `scope` is what a TH heads, Row or Column.
    """

    role: str
    description: str
    language: str
    scope: str = ""
    children: tuple[Element, ...] = ()

    @property
    def every(self) -> Iterator[Element]:
        """Yield it and all that is in it, in the order of reading."""
        yield self
        for child in self.children:
            yield from child.every


def texts(pdf: bytes) -> list[str]:
    """Return the text of each page."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def metadata(pdf: bytes) -> dict[str, str]:
    """Return title, author and the like."""
    with pypdfium2.PdfDocument(pdf) as document:
        return dict(document.get_metadata_dict())


def outline(pdf: bytes) -> list[tuple[int, str]]:
    """Return level, from 0, and title of the entries of the outline."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [(entry.level, entry.get_title()) for entry in document.get_toc()]


def pixels(pdf: bytes, page: int = 0, scale: float = 1.0) -> NDArray[np.uint8]:
    """Return a page as grey levels (rows, columns)."""
    with pypdfium2.PdfDocument(pdf) as document:
        return np.asarray(document[page].render(scale=scale).to_pil().convert("L"))


def fonts(pdf: bytes) -> set[str]:
    """Return the names of the fonts that text of a document is in."""
    with pypdfium2.PdfDocument(pdf) as document:
        objects = (
            entry for page in document for entry in page.get_objects(filter=(raw.FPDF_PAGEOBJ_TEXT,), max_depth=4)
        )
        return {entry.get_font().get_base_name() for entry in objects}


def elements(pdf: bytes) -> list[list[Element]]:
    """Return the structure elements below the document's own, of each page."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [list(_elements(page)) for page in document]


def _elements(page: pypdfium2.PdfPage) -> Iterator[Element]:
    tree = raw.FPDF_StructTree_GetForPage(page)
    for number in range(raw.FPDF_StructTree_CountChildren(tree)):
        whole = raw.FPDF_StructTree_GetChildAtIndex(tree, number)
        yield from _within(whole)
    raw.FPDF_StructTree_Close(tree)


def _within(parent: object) -> Iterator[Element]:
    for place in range(raw.FPDF_StructElement_CountChildren(parent)):
        child = raw.FPDF_StructElement_GetChildAtIndex(parent, place)
        if child:
            told = (raw.FPDF_StructElement_GetType, raw.FPDF_StructElement_GetAltText, raw.FPDF_StructElement_GetLang)
            strings = (_string(function, child) for function in told)
            yield Element(*strings, scope=_scope(child), children=tuple(_within(child)))


def _scope(element: object) -> str:
    if not raw.FPDF_StructElement_GetAttributeCount(element):
        return ""
    attribute = raw.FPDF_StructElement_GetAttributeAtIndex(element, 0)
    value = raw.FPDF_StructElement_Attr_GetValue(attribute, b"Scope")
    buffer, length = ctypes.create_string_buffer(64), ctypes.c_ulong()
    raw.FPDF_StructElement_Attr_GetStringValue(value, buffer, len(buffer), length)
    return buffer.raw[: max(length.value - 2, 0)].decode("utf-16-le")


def _string(function: object, element: object) -> str:
    length = function(element, None, 0)  # type: ignore[operator]  # one of PDFium's functions that fill a buffer
    buffer = ctypes.create_string_buffer(length)
    function(element, buffer, length)  # type: ignore[operator]  # as above
    return buffer.raw[: max(length - 2, 0)].decode("utf-16-le")
