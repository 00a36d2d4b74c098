"""The project's own source as parsed modules, for the tests of its structure."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "radiolens"

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One Python file of the package; `name` is what one imports, `place` what a failing test shows."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def functions(self) -> Iterator[Function]:
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@dataclass(frozen=True)
class Import:
    """`importer` imports the module or package `target`; `hidden` if that happens inside a function."""

    importer: Module
    target: str
    line: int
    hidden: bool

    def __str__(self) -> str:
        return f"{self.importer.place}:{self.line} imports {self.target}"


@cache
def modules() -> tuple[Module, ...]:
    """Return every module of the package, sorted by path."""
    return tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")))


@cache
def imports() -> tuple[Import, ...]:
    """Return every import statement of the package, one entry for each imported module.

    `from package import name` counts as an import of `package.name` where that is a module of ours.
    """
    ours = {module.name for module in modules()}
    return tuple(found for module in modules() for found in _imports_of(module, ours))


def body_lines(function: Function) -> int:
    """Return the lines from the first statement after the docstring to the end; 0 if there is none."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    statements = function.body[1:] if has_docstring else function.body
    if not statements:
        return 0
    last = statements[-1]
    return (last.end_lineno or last.lineno) - statements[0].lineno + 1


def _read(path: Path) -> Module:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    text = path.read_text(encoding="utf-8")
    return Module(name, path, text, ast.parse(text, str(path)))


def _imports_of(module: Module, ours: set[str]) -> Iterator[Import]:
    hidden = {id(node) for function in module.functions() for node in ast.walk(function) if node is not function}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.place}:{node.lineno}: relative import; write the full name"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [member if member in ours else str(node.module) for member in members]
        else:
            continue
        for target in dict.fromkeys(targets):
            yield Import(module, target, node.lineno, id(node) in hidden)
