"""`radiolens serve`: the web app on this computer."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("serve")
@click.option("--host", help="Default 127.0.0.1 (RADIOLENS_HOST).")
@click.option("--port", type=int, help="Default 8000 (RADIOLENS_PORT).")
def command(host: str | None, port: int | None) -> None:
    """Start the web app; it answers this computer only, unless RADIOLENS_ALLOW_REMOTE is set."""
    import uvicorn

    from radiolens.settings import Settings
    from radiolens.web.app import create_app

    given = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = Settings.model_validate(Settings.model_validate({}).model_dump() | given)
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, proxy_headers=False, access_log=False)
