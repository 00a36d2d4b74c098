"""Every refusal and every remark that the source can give is known again and said in the reader's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import numpy as np
import pytest

from radiolens.imaging.formats import _OTHERS
from radiolens.imaging.read import decode
from radiolens.locale.languages import LANGUAGES, Language, using
from radiolens.locale.translate import gettext
from radiolens.quality import Problem, ProblemCode
from radiolens.report.content import Passage
from radiolens.safety.appearance import described
from radiolens.safety.mr_sequence import MRSequence
from radiolens.safety.sight import Kind
from radiolens.web.passages import told_of_file
from radiolens.web.refusals import PHRASES, told
from radiolens.web.wording import as_reason
from tests.phantoms import chest_film, dicom
from tests.project.source_tree import Module, modules

FRENCH = LANGUAGES[1]
FILM = np.rint(chest_film(60, 50) * 255).astype(np.uint8)
RAISED = ("UnreadableImage", "UnsupportedImage", "Problem.found")
NEVER_UPLOADED = ("radiolens.inference.bulk", "radiolens.inference.folder")
"""Modules that read the disk for the command line; no upload comes to them."""
REMARKING = ("_remarks", "window_remarks", "_ordered")
"""Functions of the readers that remark on a file."""
ANSWERING = (
    *(
        f"radiolens.worklist.{name}"
        for name in ("acceptance", "agreement", "maps", "reading", "sealing", "work_list", "working")
    ),
    "radiolens.store.engine",
)
ANSWERED = ("WrongState", "UnknownCase", "InputError", "StoreFull", "StoreBusy", "StoreUnavailable")
AT_THE_START = re.compile(r"cannot be made|address|PostgreSQL|cannot be opened there|sslmode|^\{place\}: \{error\}")
"""What only the console shows, before there is a page."""
MADE_OF_PARTS = {
    "The zip archive {found}; at most {expected} are read. Send it in parts.": [
        "The zip archive has 300 MB; at most 256 MB are read. Send it in parts.",
        "The zip archive has 90000 members; at most 2000 are read. Send it in parts.",
        "The zip archive becomes larger than allowed; at most 9 MB with all that it holds are read. Send it in parts.",
        "The zip archive is compressed more than any image; at most 200 times are read. Send it in parts.",
    ],
    "{found}; {allowed}. Send fewer or smaller images.": [
        "The file declares 9 frames of 9 x 8 pixels; at most 4 frames of 9 million values are read. Send the original.",
    ],
    "{found} ({percent(sight.kinds[likeliest])}).": [
        "The picture is not clearly a frontal chest film; it looks most like a CT of the head (51%).",
    ],
    "{words} ({percent(values[name])} sure).": [
        "Black and white look exchanged (over 99% sure).",
        "The picture does not look upright (87% sure).",
        "A part of the lungs or of the head looks cut off (87% sure).",
    ],
    "{found}The picture looks like {described(Kind.OTHER)}.": [
        "The file says CT, ABDOMEN, which fits no single study. The picture looks like an MR of the head.",
    ],
    "The transfer syntax {named} cannot be decoded. {why} Export the image uncompressed or as JPEG 2000.": [],
    "The picture is not clearly {_expected(task)}; it looks most like {described(likeliest)}": [],
    "The file declares {frames} frames of {columns} x {rows} pixels": [],
    "File {number} of {count} of the series cannot be read. {error}": [
        "File 21 of 28 of the series cannot be read. The DICOM file is damaged or incomplete. Send a part of it.",
    ],
}
"""Texts that are put together from others, with all that can come of them."""


def template(node: ast.expr) -> str | None:
    """Return the text of an expression, each value as its source in braces; None of what is no text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else f"{{{unparsed(part)}}}" for part in node.values)
        return "".join(map(str, parts))
    return None


def unparsed(part: ast.expr) -> str:
    assert isinstance(part, ast.FormattedValue)
    return ast.unparse(part.value)


def texts(module: Module) -> Iterator[str]:
    """Yield the texts that a module raises or finds: arguments of the errors, and what is called `found`."""
    for node in ast.walk(module.tree):
        arguments: list[ast.expr] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func) in RAISED:
            arguments = node.args
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("found", "message"):
            arguments = [node.value]
        yield from (text for text in map(template, arguments) if text and text.endswith((".", "pixels", "iest)}")))


def refusals() -> list[str]:
    """Return every refusal of the source, with a number in the place of each value."""
    read = ("radiolens.imaging", "radiolens.safety", "radiolens.inference.gate", "radiolens.inference.predict")
    sources = [module for module in modules() if module.name.startswith(read) and module.name not in NEVER_UPLOADED]
    found = [text for module in sources for text in texts(module)]
    whole = [text for text in found if text not in MADE_OF_PARTS]
    return [
        *(re.sub(r"\{[^}]*\}+", "7", text) for text in whole),
        *(text for made in MADE_OF_PARTS.values() for text in made),
    ]


def remarks() -> list[str]:
    """Return every remark of the source on a file that was read, with a number in the place of each value."""
    functions = [
        node
        for module in modules()
        if module.name.startswith("radiolens.imaging")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef) and node.name in REMARKING
    ]
    texts = [
        template(node)
        for function in functions
        for statement in function.body[int(ast.get_docstring(function) is not None) :]
        for node in ast.walk(statement)
        if isinstance(node, ast.expr)
    ]
    return [re.sub(r"\{[^}]*\}+", "7", text) for text in texts if text and text.endswith(".") and text[0].isupper()]


translated = pytest.mark.parametrize("language", LANGUAGES[1:], ids=lambda language: language.code)


@translated
def test_every_refusal_of_the_source_is_said_in_the_language_of_the_page(language: Language) -> None:
    found = refusals()
    assert len(found) > 70, "the search found next to nothing"
    with using(language):
        assert [text for text in found if told(text) in (None, text)] == []


def answers_of_the_work_list() -> list[str]:
    """Return what the work list and the storage answer to a person, with a number in the place of each value."""
    sources = [module for module in modules() if module.name.startswith(ANSWERING)]
    calls = [node for module in sources for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    texts = [template(call.args[0]) for call in calls if ast.unparse(call.func) in ANSWERED and call.args]
    return [re.sub(r"\{[^}]*\}+", "7", text) for text in texts if text and not AT_THE_START.search(text)]


@translated
def test_what_the_work_list_and_the_storage_answer_is_said_in_it_too(language: Language) -> None:
    found = answers_of_the_work_list()
    assert len(found) > 18, "the search found next to nothing"
    with using(language):
        assert [text for text in found if told(text) in (None, text)] == []


@translated
def test_every_remark_of_the_source_is_said_in_it_too(language: Language) -> None:
    found = remarks()
    assert len(found) >= 11, "the search found next to nothing"
    with using(language):
        assert [text for text in found if told(text) in (None, text)] == []
        assert [text for text in found if told_of_file(text).language] == []


def test_a_remark_is_said_with_its_values_and_without_the_value_that_it_is_about() -> None:
    content = dicom(FILM, WindowCenter=10, WindowWidth=0, SeriesInstanceUID="1.2.3")
    odd = decode([content.replace(b"1.2.3\0", b"DOE^JA")])
    with using(FRENCH):
        of_pydicom, ours = (told_of_file(text) for text in odd.source.warnings)
    assert ours == Passage("Une fenêtre de largeur 0 a été ignorée.")
    assert of_pydicom.text.startswith("Valeur non valable pour la VR UI\xa0: (une valeur). Les valeurs permises")
    assert of_pydicom.language == ""


def test_what_a_library_remarks_stays_english_and_says_so() -> None:
    with using(FRENCH):
        assert told_of_file("Something that a library says") == Passage("Something that a library says", "en")
    assert told_of_file("Something that a library says") == Passage("Something that a library says")


@translated
def test_kinds_of_pictures_series_and_files_are_said_in_it_too(language: Language) -> None:
    kinds = [described(kind) for kind in Kind]
    sequences = [str(sequence) for sequence in MRSequence if sequence not in (MRSequence.T1, MRSequence.FLAIR)]
    assert {*kinds, *sequences, *set(_OTHERS.values())} <= set(PHRASES)
    with using(language):
        assert [phrase for phrase in PHRASES if gettext(phrase) == phrase] == []
        said = told(f"The picture looks like {kinds[1]}; Chest X-ray expects {kinds[0]}.")
        assert said
        assert gettext(kinds[0]) in said
        assert gettext("Chest X-ray") in said


def test_values_are_written_as_the_language_does() -> None:
    with using(FRENCH):
        assert (
            told("The picture uses only 3% of the grey scale.") == "L'image n'utilise que 3\xa0% de l'échelle de gris."
        )
        assert told("Black and white look exchanged (over 99% sure).") == (
            "Le noir et le blanc semblent inversés (certitude plus de 99\xa0%)."
        )
        assert told("The file says modality MR; Chest X-ray expects DX or CR.") == (
            "Le fichier indique la modalité MR\xa0; l'examen Radiographie thoracique attend DX ou CR."
        )
        assert told("The patient is 3 years old; Pneumonia and Tuberculosis is meant from 15 on.") == (
            "Le patient a 3 ans\xa0; pneumonie et tuberculose ne se recherche qu'à partir de 15 ans."
        )


def test_what_is_not_known_stays_english_and_says_so() -> None:
    with using(FRENCH):
        assert told("Something new. Send it in parts.") is None
        row = as_reason("unreadable", "Something new. Send it in parts.")
        assert (row.found, row.found_language) == ("Something new. Send it in parts.", "en")
        known = as_reason("too_small", Problem.found(ProblemCode.TOO_SMALL, "All pixels have the same value.").message)
        assert (known.found, known.found_language) == ("Tous les pixels ont la même valeur.", "")
        assert known.advice == "Exportez l'image à sa taille d'origine."
    assert told(" In English all stays as it is. ") == "In English all stays as it is."


@pytest.mark.parametrize("name", ["scan.zip", "a. b", "x in the zip archive is encrypted", "(%s) %(name)s", "100%"])
def test_a_name_in_a_refusal_changes_nothing_but_itself(name: str) -> None:
    with using(FRENCH):
        said = told(f"{name} in the zip archive is encrypted. Pack it again without a password.")
    assert said == f"{name} dans l'archive zip est chiffré. Créez l'archive à nouveau sans mot de passe."
