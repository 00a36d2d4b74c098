"""The routes of the app with what each demands, read from its router."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from radiolens.web.accounts.principal import Permission, Requirement


@dataclass(frozen=True)
class DeclaredRoute:
    """A method of a path, and the requirements that it declares, itself or through a dependency."""

    method: str
    path: str
    requirements: tuple[Requirement, ...]

    @property
    def permission(self) -> Permission | None:
        told = f"{self} declares {len(self.requirements)} requirements. Expected one: requires(...) or public."
        assert len(self.requirements) == 1, told
        return self.requirements[0].permission

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def declared_routes(app: FastAPI) -> Iterator[DeclaredRoute]:
    """Yield every route that answers with code of ours; files below /static and FastAPI's own document are none."""
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute):
            assert context.path
            found = tuple(requirements(context.dependant))
            for method in sorted(context.methods or ()):
                yield DeclaredRoute(method, context.path, found)


def requirements(dependant: Dependant) -> Iterator[Requirement]:
    if isinstance(dependant.call, Requirement):
        yield dependant.call
    for child in dependant.dependencies:
        yield from requirements(child)
