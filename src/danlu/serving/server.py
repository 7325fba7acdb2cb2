"""Running the gateway: the socket, the signals and the end."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from danlu.errors import UserError

GRACE_SECONDS = 30
"""How long requests in flight may take to finish once the server has been told to stop."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that holds the address but does not listen yet, so that a taken port shows before a model is loaded.

    Args:
        host: Name or address.
        port: 0 picks a free one.

    Raises:
        UserError: the port is taken or not allowed, or the host is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UserError(f"The host {host!r} is not known.", "Give an address of this machine with --host.") from error
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise _cannot_bind(host, port, error) from error
    return sock


def _cannot_bind(host: str, port: int, error: OSError) -> UserError:
    what = f"Port {port} on {host} cannot be used: {(error.strerror or str(error)).lower()}."
    return UserError(what, f"Choose another with --port, for example --port {_free_port(host)}.")


def _free_port(host: str) -> int:
    try:
        with socket.create_server((host, 0)) as probe:
            return int(probe.getsockname()[1])
    except OSError:
        return 0


def address_of(sock: socket.socket) -> str:
    """The URL a client on this machine types."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def read_api_keys(path: Path) -> frozenset[str]:
    """The keys in a file, one a line; blank lines and lines that begin with ``#`` do not count.

    Raises:
        UserError: the file cannot be read or holds no key.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(
            f"The API key file {path} cannot be read: {reason}.", "Give a text file, one key a line."
        ) from error
    keys = frozenset(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise UserError(
            f"The API key file {path} holds no key.", "Write one key a line, for example 32 random letters."
        )
    return keys


def run_server(app: FastAPI, sock: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; then finish the requests in flight, for `GRACE_SECONDS` at most.

    Raises:
        UserError: another program began to listen on the address meanwhile.
    """
    # uvicorn's own words could quote a request; ours are in the traffic log.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    with _stop_signals_end_quietly():
        try:
            _Server(config, on_ready).run(sockets=[sock])
        except OSError as error:
            host, port = sock.getsockname()[:2]
            raise _cannot_bind(host, port, error) from error


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


@contextmanager
def _stop_signals_end_quietly() -> Iterator[None]:
    """uvicorn raises the signal that stopped it once more when it is done; here that is a good end."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
