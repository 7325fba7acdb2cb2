"""``danlu serve``"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer

from danlu.errors import UserError
from danlu.settings import DEFAULT_WORKSPACE

PARALLEL = 4
"""Answers that llama.cpp generates at once; each has a whole context reserved."""


def serve(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A released model (assistant, assistant@2), a Hugging Face directory or a .gguf file."
        ),
    ],
    workspace: Annotated[Path, typer.Option(metavar="DIR", help="Where released models are kept.")] = DEFAULT_WORKSPACE,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 8080,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Anything but this machine's own needs --api-key-file.")
    ] = "127.0.0.1",
    engine: Annotated[str, typer.Option(metavar="auto|llamacpp|transformers", help="What runs the model.")] = "auto",
    context: Annotated[
        int | None,
        typer.Option(
            min=16, metavar="TOKENS", help="Longest prompt and answer together. Default: the model's, at most 8192."
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Ask clients for one of the keys in this file, one a line.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as one line of JSON.")] = False,
) -> None:
    """Serve a model with the OpenAI API and a chat page.

    A model without a chat template, which has read text but no conversations, is asked at /v1/completions.

    Prints one line with the address when requests are welcome; open it in a browser to chat, or give ADDRESS/v1 to any
    OpenAI client as its base URL. /health says 200 from then on. What happens is told on the other channel, stderr,
    one line a request, never with its text.

    The engine auto takes llama.cpp where the model comes as a GGUF file, else transformers, and says which and why.

    Ctrl-C or SIGTERM: requests in flight are finished, for at most 30 seconds, then the command ends with 0.
    """
    from danlu.serving.engines.engine import MAX_CONTEXT
    from danlu.serving.engines.table import ENGINES, choose_engine
    from danlu.serving.guard import is_loopback
    from danlu.serving.lookup import find_servable

    try:
        from danlu.serving.gateway import create_app
        from danlu.serving.server import address_of, bind, read_api_keys, run_server
    except ModuleNotFoundError as error:
        raise UserError(
            f"The server needs {error.name}, which is not installed.", "Install it with: pip install 'danlu[serve]'"
        ) from error

    keys = read_api_keys(api_key_file) if api_key_file else frozenset()
    if not is_loopback(host) and not keys:
        raise UserError(
            f"Listening on {host} would open the model to everyone who can reach this machine.",
            "Give --api-key-file FILE with the keys of those who may use it, or leave --host at 127.0.0.1.",
        )
    servable = find_servable(name, workspace)
    choice = choose_engine(servable, engine)
    with bind(host, port) as sock:
        _say(f"Engine {choice.engine}: {choice.why}. Loading {choice.path} ...")
        loaded = ENGINES[choice.engine](choice.path, max_context=context or MAX_CONTEXT, parallel=PARALLEL)
        try:
            _say(f"Context: {loaded.context_length} tokens; answers at once: {loaded.parallel}.")
            if not loaded.has_chat_template:
                _say("No chat template: the model goes on with texts at /v1/completions, and takes no chats.")
            _log_requests()
            app = create_app(loaded, servable, api_keys=keys, loopback_only=is_loopback(host))
            ready: dict[str, str | bool] = {
                "address": address_of(sock),
                "model": servable.model_id,
                "engine": choice.engine,
                "chat": loaded.has_chat_template,
            }
            run_server(app, sock, lambda: _announce(ready, as_json))
        finally:
            loaded.close()


def _announce(ready: dict[str, str | bool], as_json: bool) -> None:
    line = json.dumps(ready) if as_json else f"Serving {ready['model']} at {ready['address']} (stop with Ctrl-C)"
    print(line, flush=True)


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _log_requests() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("danlu.serving")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
