"""The report as PDF."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial, singledispatch
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, CondPageBreak, Flowable, Frame, KeepTogether, PageTemplate, Spacer
from reportlab.platypus import Paragraph as Text
from reportlab.platypus import Table as Grid

from radiolens.locale.translate import gettext as _
from radiolens.prediction import Presence
from radiolens.report import document as blocks
from radiolens.report.content import FindingLine, Picture
from radiolens.report.document import Document, Style
from radiolens.report.fonts import BOLD, LACKING, REGULAR, printable, register
from radiolens.report.tagged_canvas import Group, TaggedCanvas

__all__ = ["render_pdf"]

_rendering = threading.Lock()
"""reportlab's fonts are shared by all documents, and note in themselves which glyphs were asked."""

_SHAPED = re.compile("[\u0300-\u036f\u0900-\u097f\u1cd0-\u1cff\ua830-\ua839\ua8e0-\ua8ff]")
"""Combining marks and Devanagari: their glyphs hang on their neighbours."""

_MARGIN = 18 * mm
_FOOTER = 14 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_TERM_WIDTH = 42 * mm
_PICTURE_HEIGHT = 95 * mm
_GAP = 4 * mm
_SOFT = HexColor(0x444444)
_LINE = HexColor(0x888888)
_BARS = {
    Presence.PRESENT: HexColor(0xA14F00),
    Presence.ABSENT: HexColor(0x1D6FA5),
    Presence.INDETERMINATE: HexColor(0x5B3FB0),
}


def _style(size: float, font: str = REGULAR, **options: Any) -> ParagraphStyle:  # noqa: ANN401  reportlab's own
    # 1.45: Devanagari has marks above and below the line
    return ParagraphStyle(f"{font} {size}", fontName=font, fontSize=size, leading=1.45 * size, **options)


_BODY = _style(9.5, spaceAfter=3)
_TERM = _style(9.5, BOLD)
_STYLES = {
    Style.BODY: _BODY,
    Style.ANSWER: _style(12, BOLD, spaceAfter=4),
    Style.NOTE: _style(8.5, textColor=_SOFT, spaceAfter=3),
    Style.DISCLAIMER: _style(9.5, BOLD, spaceAfter=4),
}
_HEADINGS = {
    1: _style(17, BOLD, spaceAfter=4),
    2: _style(13, BOLD, spaceBefore=10, spaceAfter=3),
    3: _style(10, BOLD, spaceBefore=5, spaceAfter=1),
}


def render_pdf(document: Document, written: datetime) -> bytes:
    """Return the document as PDF, tagged, with outline and page numbers.

    `written` is the date of the file. Text is shaped, so Devanagari is readable; characters that the fonts lack are
    shown as a mark, and a note at the end says so.
    """
    register()
    flowables = [flowable for block in document.blocks for flowable in _flowables(block)]
    if any(LACKING in printable(text) for block in document.blocks for text in _typed(block)):
        note = _(
            "%(mark)s stands for a character that the fonts of this report lack; the case's JSON file has it.",
            mark=LACKING,
        )
        flowables += _flowables(blocks.Paragraph(note, Style.NOTE))
    stream = io.BytesIO()
    frame = Frame(_MARGIN, _MARGIN + _FOOTER, _WIDTH, A4[1] - 2 * _MARGIN - _FOOTER, 0, 0, 0, 0)
    template = BaseDocTemplate(
        stream,
        pagesize=A4,
        pageTemplates=[PageTemplate("page", [frame])],
        title=document.title,
        author="radiolens",
        subject=document.footer,
        creator="radiolens",
        keywords=[],
        lang=document.language,
        displayDocTitle=True,
        initialFontName=REGULAR,
        pageCompression=1,
    )
    with _rendering:
        template.build(flowables, canvasmaker=partial(_canvas, written=written, document=document))
    return stream.getvalue()


def _canvas(*arguments: Any, written: datetime, document: Document, **options: Any) -> TaggedCanvas:  # noqa: ANN401  reportlab's own
    canvas = TaggedCanvas(*arguments, footer=partial(_footer, document), **options)
    canvas.setDateFormatter(lambda *_now: written.astimezone(UTC).strftime("D:%Y%m%d%H%M%S+00'00'"))
    return canvas


def _footer(document: Document, canvas: Canvas, number: int, count: int) -> None:
    """Draw what no page of the report may be without."""
    page = _("Page %(number)s of %(count)s", number=number, count=count)
    for place, (text, bold) in enumerate(((document.footer, BOLD), (f"{document.title} · {page}", REGULAR))):
        shown = printable(text)
        line = Text(escape(shown), _shaping(_style(8, bold, textColor=_SOFT), shown))
        line.wrapOn(canvas, _WIDTH, _FOOTER)
        line.drawOn(canvas, _MARGIN, _MARGIN + _FOOTER - (place + 1) * 5 * mm - 2 * mm)


class _Tagged(Text):  # type: ignore[misc]  # reportlab has no types
    """A paragraph that says what it is and, with a `level`, stands in the document's outline."""

    role, said, level, language = "P", "", 0, ""
    within: Group | None = None
    drawn = False

    def split(self, width: float, height: float) -> list[_Tagged]:
        """Return the part that fits and the rest; each says its own words, counted, since shaped ones are glyphs."""
        parts: list[_Tagged] = super().split(width, height)
        if len(parts) == 2:
            first, rest = parts
            cut = _end_of_word(self.said, sum(map(_words, first.frags)))
            first.role, first.said, first.level = self.role, self.said[:cut], self.level
            rest.role, rest.said = self.role, self.said[cut:].lstrip()
            first.language = rest.language = self.language
            first.within = rest.within = self.within
        return parts

    def draw(self) -> None:
        """Draw it marked; the head of a table that is drawn again on the next page is told once."""
        again, self.drawn = self.drawn, True
        if again:
            with self.canv.artifact():
                super().draw()
            return
        with self.canv.marked(self.role, self.said, language=self.language, within=self.within):
            super().draw()
        if self.level:
            key = f"heading-{id(self)}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(self.said, key, self.level - 1)


def _lines(text: str, style: ParagraphStyle, language: str = "", within: Group | None = None) -> list[Flowable]:
    """Return a paragraph for each line that is not empty."""
    return [_text(line, style, language=language, within=within) for line in text.splitlines() if line.strip()]


def _shaping(style: ParagraphStyle, text: str) -> ParagraphStyle:
    """Return the style that shapes a text which needs it; it takes reportlab twice the time and more."""
    return style.clone(f"{style.name} shaped", shaping=1) if _SHAPED.search(text) else style


def _words(fragment: Any) -> int:  # noqa: ANN401  reportlab has no types
    """Count the words of a fragment of a split paragraph: a list of plain ones, or a single shaped one."""
    return len(fragment.words) if hasattr(fragment, "words") else 1


def _end_of_word(text: str, number: int) -> int:
    """Return where the word of this number, from 1, ends; the end of the text if it has fewer."""
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    return ends[number - 1] if 0 < number < len(ends) else len(text)


def _text(
    text: str,
    style: ParagraphStyle,
    role: str = "P",
    level: int = 0,
    bullet: str | None = None,
    language: str = "",
    within: Group | None = None,
) -> _Tagged:
    shown = printable(text)
    paragraph = _Tagged(escape(shown), _shaping(style, shown), bulletText=bullet)
    paragraph.role, paragraph.said, paragraph.level = role, shown, level
    paragraph.language, paragraph.within = language, within
    return paragraph


@singledispatch
def _flowables(block: blocks.Block) -> list[Flowable]:
    raise TypeError(f"a report has no block {type(block).__name__}")


@_flowables.register
def _heading(block: blocks.Heading) -> list[Flowable]:
    # not alone at the foot of a page
    return [CondPageBreak(25 * mm), _text(block.text, _HEADINGS[block.level], f"H{block.level}", block.level)]


@_flowables.register
def _paragraph(block: blocks.Paragraph) -> list[Flowable]:
    return _lines(block.text, _STYLES[block.style], block.language)


@_flowables.register
def _terms(block: blocks.Terms) -> list[Flowable]:
    table = Group("Table")
    rows = []
    for term, text in block.rows:
        row = Group("TR", table)
        name = _text(term, _TERM, within=Group("TH", row, "Row"))
        rows.append([name, _lines(text, _BODY, within=Group("TD", row))])
    return [_grid(rows, [_TERM_WIDTH, _WIDTH - _TERM_WIDTH]), Spacer(0, 2 * mm)]


@_flowables.register
def _finding(block: blocks.FindingBlock) -> list[Flowable]:
    line = block.line
    named = _("%(finding)s: %(number)s", finding=line.title, number=line.number) if line.number else line.title
    told = [_text(named, _TERM), _text(line.words, _BODY)]
    return [KeepTogether([*told, _Bar(line), Spacer(0, 2 * mm)] if line.number else told)]


@_flowables.register
def _table(block: blocks.Table) -> list[Flowable]:
    table = Group("Table")
    head = Group("TR", table)
    rows = [[_text(cell, _TERM, within=Group("TH", head, "Column")) for cell in block.header]]
    for name, *cells in block.rows:
        row = Group("TR", table)
        first = _text(name, _BODY, within=Group("TH", row, "Row"))
        rows.append([first, *(_text(cell, _BODY, within=Group("TD", row)) for cell in cells)])
    widths = [20 * mm, *[(_WIDTH - 20 * mm) / (len(block.header) - 1)] * (len(block.header) - 1)]
    return [_grid(rows, widths, repeated=1), Spacer(0, 2 * mm)]


@_flowables.register
def _bullets(block: blocks.Bullets) -> list[Flowable]:
    style, entire = _style(9.5, leftIndent=10, spaceAfter=2, bulletFontName=REGULAR), Group("L")
    return [
        _text(item, style, "LBody", bullet="•", language=block.language, within=Group("LI", entire))
        for item in block.items
    ]


@_flowables.register
def _pictures(block: blocks.Pictures) -> list[Flowable]:
    count = max(len(block.pictures), 2)
    width = (_WIDTH - (count - 1) * _GAP) / count
    cells = [
        [_Drawing(picture, width, min(_PICTURE_HEIGHT, width)), _text(picture.caption, _STYLES[Style.NOTE])]
        for picture in block.pictures
    ]
    return [KeepTogether(_grid([cells], [width + _GAP] * len(cells)))]


def _grid(rows: Sequence[Sequence[Any]], widths: Sequence[float], repeated: int = 0) -> Grid:
    plain = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("FONTNAME", (0, 0), (-1, -1), REGULAR),  # else every cell asks for Helvetica, which the file does not carry
    ]
    tight = [("TOPPADDING", (0, 0), (-1, -1), 0), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
    return Grid(rows, widths, hAlign="LEFT", repeatRows=repeated, style=[*plain, *tight], splitInRow=1)


class _Bar(Flowable):  # type: ignore[misc]  # reportlab has no types
    """The probability from 0 to 1 as a bar, the threshold as a mark."""

    def __init__(self, line: FindingLine) -> None:
        super().__init__()
        self.line, self.width, self.height = line, _WIDTH, 3 * mm

    def draw(self) -> None:
        """Draw it; the words beside it say the same, so it is no content of its own."""
        canvas, line = self.canv, self.line
        with canvas.artifact():
            canvas.setStrokeColor(_LINE)
            canvas.setFillColor(_BARS[line.state])
            canvas.rect(0, 0, self.width * line.probability, self.height, stroke=0, fill=1)
            canvas.rect(0, 0, self.width, self.height, stroke=1, fill=0)
            if line.threshold is not None:
                canvas.setStrokeColor(HexColor(0x000000))
                canvas.setLineWidth(1.5)
                place = self.width * line.threshold
                canvas.line(place, -1 * mm, place, self.height + 1 * mm)


class _Drawing(Flowable):  # type: ignore[misc]  # reportlab has no types
    """A picture within a box, with its description for those who do not see it."""

    def __init__(self, picture: Picture, width: float, height: float) -> None:
        super().__init__()
        self.picture, self.reader = picture, ImageReader(io.BytesIO(picture.png))
        columns, rows = self.reader.getSize()
        scale = min(width / columns, height / rows)
        self.width, self.height = columns * scale, rows * scale

    def draw(self) -> None:
        """Draw it as a figure."""
        with self.canv.marked("Figure", description=printable(self.picture.description)):
            self.canv.drawImage(self.reader, 0, 0, self.width, self.height)


def _typed(block: blocks.Block) -> Iterator[str]:
    """Yield what people typed, of a block: only there stand characters that nobody foresaw."""
    if isinstance(block, blocks.Paragraph):
        yield block.text
    if isinstance(block, blocks.Terms):
        yield from (text for row in block.rows for text in row)
