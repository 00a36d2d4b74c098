"""Lets `uvicorn main:app --reload` work from the project's root."""

from __future__ import annotations

from radiolens.web.app import create_app

app = create_app()
