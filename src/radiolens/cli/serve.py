"""`radiolens serve`: the web app on this computer."""

from __future__ import annotations

import errno
import socket
import ssl
import sys
from typing import TYPE_CHECKING

import click

from radiolens.cli import Failure
from radiolens.cli.configuration import read_settings

if TYPE_CHECKING:
    from radiolens.settings import Settings

__all__ = ["command"]

_STREAMS_END_S = 5  # open pages hold a stream of events, which would keep the program from ending
_SWITCH_S = 0.0005  # threads that judge come back from networks and files all the time; Python's 5 ms keep a core idle


@click.command("serve")
@click.option("--host", help="Default 127.0.0.1 (RADIOLENS_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="Default 8000 (RADIOLENS_PORT); 0 takes a free one.")
def command(host: str | None, port: int | None) -> None:
    """Start the web app; it answers this computer only, unless RADIOLENS_ALLOW_REMOTE is set."""
    given = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    settings = read_settings().model_copy(update=given)
    _check_address(settings.host, settings.port)
    tls = _tls_files(settings)
    import uvicorn

    from radiolens.store.database import open_database
    from radiolens.web import logs
    from radiolens.web.app import create_app

    logs.configure(settings.log_format, settings.log_level)
    sys.setswitchinterval(_SWITCH_S)
    open_database(settings.database_address).close()  # what is wrong with it is one sentence here

    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        proxy_headers=False,
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=_STREAMS_END_S,
        ssl_certfile=tls[0],
        ssl_keyfile=tls[1],
    )


def _tls_files(settings: Settings) -> tuple[str | None, str | None]:
    """Return certificate and key for HTTPS, None for HTTP; raise Failure if they do not fit."""
    from radiolens.settings import NONE

    if settings.tls_certificate == NONE:
        return None, None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key)
    except OSError as error:  # SSLError is one
        raise Failure(
            f"{settings.tls_certificate} and {settings.tls_key} are no certificate and key that fit together "
            f"({error}). Expected PEM files; see RADIOLENS_TLS_CERTIFICATE in docs/settings.md."
        ) from error
    return settings.tls_certificate, settings.tls_key


def _check_address(host: str, port: int) -> None:
    """Raise Failure if nothing can listen there, which the server itself finds out only after it opened the bundles."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            advice = f"Port {port} is taken by another program. Stop it, or choose another: --port {port % 65535 + 1}"
        else:
            advice = (
                f"{host}:{port} cannot be listened on ({error.strerror}). Choose another: --host 127.0.0.1 --port 8000"
            )
        raise Failure(advice) from error
