"""A small web server on loopback that serves bytes from memory, well or badly, and notes what it was asked."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Served:
    """One file and how it is served."""

    body: bytes
    ranges: bool = True
    etag: bool = True
    length: bool = True
    """False: the size is not told beforehand."""
    slow_after: int | None = None
    """From this byte on, 1 kB every 0.1 s."""
    break_after: int | None = None
    """The connection is cut there, once."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'


class FileServer:
    """Serves `files` by path (with query); `requests` lists (method, path, first byte asked for)."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, str, int]] = []
        self.sent = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                owner.answer(self, body=False)

            def do_GET(self) -> None:
                owner.answer(self, body=True)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def gets(self, path: str) -> list[int]:
        """First bytes of the GET requests for `path`."""
        return [start for method, asked, start in self.requests if method == "GET" and asked == path]

    def answer(self, handler: BaseHTTPRequestHandler, *, body: bool) -> None:
        served = self.files.get(handler.path)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", handler.headers.get("Range", ""))
        self.requests.append((handler.command, handler.path, int(asked[1]) if asked else 0))
        if served is None or served.status != 200:
            handler.send_response(served.status if served else 404)
            for name, value in (served.headers if served else {}).items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        condition = handler.headers.get("If-Match")
        if condition and served.etag and condition != served.tag:
            handler.send_response(412)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        start, end = 0, len(served.body)
        if asked and served.ranges:
            start, end = int(asked[1]), min(int(asked[2] or end) + 1, end)
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(served.body)}")
        else:
            handler.send_response(200)
        if served.etag:
            handler.send_header("ETag", served.tag)
        for name, value in served.headers.items():
            handler.send_header(name, value)
        if served.length:
            handler.send_header("Content-Length", str(end - start))
        else:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.end_headers()
        if body:
            self._send(handler, served, start, end)

    def _send(self, handler: BaseHTTPRequestHandler, served: Served, start: int, end: int) -> None:
        try:
            while start < end:
                slow = served.slow_after is not None and start >= served.slow_after
                limits = [end, start + (1000 if slow else 2**16)]
                limits += [
                    limit for limit in (served.slow_after, served.break_after) if limit is not None and limit > start
                ]
                stop = min(limits)
                handler.wfile.write(served.body[start:stop])
                self.sent += stop - start
                start = stop
                if served.break_after == start:
                    served.break_after = None
                    handler.close_connection = True
                    handler.connection.shutdown(2)
                    return
                if slow:
                    time.sleep(0.1)
        except OSError:
            handler.close_connection = True
