"""`radiolens serve`: the web app on this computer."""

from __future__ import annotations

import click

from radiolens.cli.configuration import read_settings

__all__ = ["command"]


@click.command("serve")
@click.option("--host", help="Default 127.0.0.1 (RADIOLENS_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Default 8000 (RADIOLENS_PORT); 0 takes a free one.")
def command(host: str | None, port: int | None) -> None:
    """Start the web app; it answers this computer only, unless RADIOLENS_ALLOW_REMOTE is set."""
    given = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = read_settings().model_copy(update=given)
    import uvicorn

    from radiolens.web.app import create_app

    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, proxy_headers=False, access_log=False)
