"""The report as a page to read and to print from a browser."""

from __future__ import annotations

import base64

from jinja2 import Environment, PackageLoader

from radiolens.locale.translate import gettext
from radiolens.report.document import Document

__all__ = ["print_page"]


def print_page(document: Document, *, assets: str, back: str, pdf: str) -> str:
    """Return the document as an HTML page, with its pictures in it.

    `assets` is the address of the folder of styles and scripts, `back` that of the case and `pdf` that of the same
    report as PDF.
    """
    template = _environment.get_template("print.html")
    return template.render(document=document, assets=assets, back=back, pdf=pdf)


def _data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


_environment = Environment(
    loader=PackageLoader("radiolens.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)
_environment.filters["data_url"] = _data_url
_environment.globals["_"] = gettext
