"""The size and shape of the source: limits for readers, none of which a formatter or linter holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.project.source_tree import ROOT, Function, Module, body_lines, modules

MODULE_LINES = 500
MODULE_LINES_MEDIAN = 150
FUNCTION_LINES = 80
FUNCTION_LINES_MEDIAN = 8
TEST_LINES_PER_SOURCE_LINE = 0.8

EMPTY_FILE_NAMES = {"util", "utils", "common", "helper", "helpers", "core", "base", "misc", "manager", "shared"}
EMPTY_CLASS_NAMES = re.compile(r"(Manager|Helper|Helpers|Processor|Utils?)$")

PROCESS_EDGES = {
    "radiolens.imaging.forkserver": "the child that decodes untrusted bytes reports what ended it",
    "radiolens.worklist.scorer": "a thread that scores images outlives a defect that one of them meets",
}
"""Modules that may catch every exception, each with its reason: there a process or a request ends."""


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def annotations_missing(function: Function) -> Iterator[str]:
    arguments = function.args
    ordinary = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    variadic = [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    yield from (
        argument.arg
        for argument in (*ordinary, *variadic)
        if argument.annotation is None and argument.arg not in {"self", "cls"}
    )
    if function.returns is None:
        yield "return"


def public_definitions(module: Module) -> Iterator[tuple[str, ast.ClassDef | Function]]:
    """Yield the public classes and functions of a module, and the public methods of those classes."""
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from (
                    (f"{node.name}.{member.name}", member)
                    for member in node.body
                    if isinstance(member, Function) and not member.name.startswith("_")
                )


def assigned_names(module: Module) -> set[str]:
    """Return the names that a module binds at its top level, imports left out."""
    names = {node.name for node in module.tree.body if isinstance(node, ast.ClassDef | Function)}
    for node in module.tree.body:
        if isinstance(node, ast.Assign):
            names |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def exported_names(module: Module) -> list[str] | None:
    """Return the value of `__all__`, None where there is none."""
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def test_no_module_is_longer_than_500_lines_and_half_are_within_150() -> None:
    assert [f"{module.place}: {module.lines}" for module in modules() if module.lines > MODULE_LINES] == []
    assert median(module.lines for module in modules()) <= MODULE_LINES_MEDIAN


def test_no_function_body_is_longer_than_80_lines_and_half_are_within_8() -> None:
    bodies = {
        f"{module.place}:{function.lineno} {function.name}": body_lines(function)
        for module in modules()
        for function in module.functions()
    }
    assert {name: lines for name, lines in bodies.items() if lines > FUNCTION_LINES} == {}
    assert median(bodies.values()) <= FUNCTION_LINES_MEDIAN


def test_every_signature_is_annotated() -> None:
    bare = [
        f"{module.place}:{function.lineno} {function.name}({missing})"
        for module in modules()
        for function in module.functions()
        for missing in annotations_missing(function)
    ]
    assert bare == []


def test_every_public_name_is_documented() -> None:
    bare = [module.place for module in modules() if not ast.get_docstring(module.tree)]
    bare += [
        f"{module.place} {name}"
        for module in modules()
        for name, node in public_definitions(module)
        if not ast.get_docstring(node)
    ]
    assert bare == []


def test_all_names_exactly_what_a_module_offers() -> None:
    wrong = []
    for module in modules():
        exported = exported_names(module)
        defined = {name for name in assigned_names(module) if not name.startswith("_")}
        if exported is None:
            wrong += [f"{module.place}: no __all__, but {name}" for name in sorted(defined)]
        else:
            wrong += [
                f"{module.place}: {name} is public, but not in __all__" for name in sorted(defined - set(exported))
            ]
    assert wrong == []


def test_the_tests_are_nearly_as_long_as_the_source() -> None:
    lines = {
        folder: sum(len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(folder))
        for folder in ("tests", "src")
    }
    assert lines["tests"] >= TEST_LINES_PER_SOURCE_LINE * lines["src"]


def test_no_file_or_class_has_an_empty_name() -> None:
    files = [path for path in python_files("src", "tests") if path.stem in EMPTY_FILE_NAMES]
    classes = [
        f"{module.place} {node.name}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAMES.search(node.name)
    ]
    assert [*files, *classes] == []


def test_only_the_command_line_prints() -> None:
    prints = [
        f"{module.place}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        if not module.name.startswith("radiolens.cli")
    ]
    assert prints == []


def test_every_exception_is_caught_only_at_the_listed_process_edges() -> None:
    broad = {
        module.name
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & set(re.findall(r"\w+", ast.unparse(node.type))))
    }
    assert broad == PROCESS_EDGES.keys()


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks"])
def test_nothing_is_silenced_without_its_code_and_reason(folder: str) -> None:
    silencer = re.compile(r"#\s*(noqa|type:\s*ignore)(?P<rest>.*)$")
    justified = re.compile(r"^(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[a-z-]+(,\s*[a-z-]+)*\])\s+([#-]\s*)?\w.*")
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python_files(folder)
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := silencer.search(line)) and not justified.match(found["rest"])
    ]
    assert bare == []


def test_warnings_are_never_switched_off() -> None:
    silenced = [
        f"{module.place}:{number}"
        for module in modules()
        for number, line in enumerate(module.text.splitlines(), 1)
        if re.search(r"""(filterwarnings|simplefilter)\(\s*["']ignore""", line)
    ]
    assert silenced == []
