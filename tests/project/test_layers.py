"""Who may import whom: the layers of docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.project.source_tree import ROOT, Import, imports, modules

VALUES = ("quality", "errors", "task", "image", "prediction", "profile")
"""The lowest layer is a chain read from left to right, since these values hold one another."""

LAYERS: tuple[tuple[str, ...], ...] = (
    *((value,) for value in VALUES),
    ("locale", "tasks", "imaging", "evaluation"),
    ("data", "bundle", "safety", "explain", "report"),
    ("inference",),
    ("training",),
    ("validation",),
    ("store",),
    ("settings",),
    ("notebook", "worklist"),
    ("web", "doctor"),
    ("cli",),
)
"""From the lowest; a layer imports from those before it, never from a neighbour in its own."""

ENTRIES = {"radiolens", "radiolens.__main__"}
"""The package itself holds its version and names of the notebook, which it loads when they are used (`import radiolens`
is light, see test_light_imports.py); `python -m radiolens` only starts the command line."""

ONLY_IN = {
    "tensorflow": "training",
    "keras": "training",
    "tf2onnx": "training",
    "onnxruntime": "inference",
    "fastapi": "web",
    "starlette": "web",
    "click": "cli",
    "babel": "locale",
}
"""Libraries that have one home."""

RANK = {member: rank for rank, layer in enumerate(LAYERS) for member in layer}


def member_of(name: str) -> str:
    """Return the layer member of a module: `tasks` for `radiolens.tasks.brain_ct`."""
    return name.split(".")[1]


def own_imports() -> Iterator[Import]:
    return (found for found in imports() if found.target.split(".")[0] == "radiolens" and found.target != "radiolens")


def test_every_module_stands_in_the_layer_table() -> None:
    members = {member_of(module.name) for module in modules() if module.name not in ENTRIES}
    assert members <= RANK.keys(), f"not in the layer table: {sorted(members - RANK.keys())}"


def test_no_import_points_up_or_sideways() -> None:
    wrong = [
        str(found)
        for found in own_imports()
        if found.importer.name not in ENTRIES
        and (importer := member_of(found.importer.name)) != (target := member_of(found.target))
        and RANK[target] >= RANK[importer]
    ]
    assert not wrong, "\n".join(wrong)


def test_the_package_itself_imports_for_type_checkers_only_and_main_only_the_command_line() -> None:
    (package,) = (module for module in modules() if module.name == "radiolens")
    guarded = {
        node.lineno
        for block in package.tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
    }
    found = {str(found) for found in own_imports() if found.importer is package and found.line not in guarded}
    assert not found
    assert {found.target for found in own_imports() if found.importer.name == "radiolens.__main__"} <= {"radiolens.cli"}


def test_there_is_no_import_cycle() -> None:
    graph: dict[str, set[str]] = {module.name: set() for module in modules()}
    for found in own_imports():
        if found.target != found.importer.name:
            graph[found.importer.name].add(found.target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_with_one_home_is_imported_nowhere_else(library: str) -> None:
    strays = [
        str(found)
        for found in imports()
        if found.target.split(".")[0] == library and not found.importer.name.startswith(f"radiolens.{ONLY_IN[library]}")
    ]
    assert not strays, "\n".join(strays)


def test_the_web_needs_neither_training_nor_validation() -> None:
    strays = [
        str(found)
        for found in own_imports()
        if found.importer.name.startswith("radiolens.web") and member_of(found.target) in {"training", "validation"}
    ]
    assert not strays, "\n".join(strays)


def test_imports_inside_functions_stand_only_in_the_command_line() -> None:
    hidden = [str(found) for found in imports() if found.hidden and not found.importer.name.startswith("radiolens.cli")]
    assert not hidden, "\n".join(hidden)


def test_the_documented_chain_is_this_one() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = re.search(r"```layers\n(.*?)```", text, re.DOTALL)
    assert drawn, "docs/architecture.md has no block ```layers"
    documented = [tuple(group.split()) for group in drawn[1].split("<")]
    assert documented == [VALUES, *LAYERS[len(VALUES) :]]
