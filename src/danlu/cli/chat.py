"""``danlu chat``"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from danlu.cli.lines import piped, printable, typed
from danlu.errors import UserError
from danlu.settings import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from danlu.serving.conversation import Conversation, Reply
    from danlu.serving.engines.engine import Engine


def chat(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A released model (assistant, assistant@2), a Hugging Face directory or a .gguf file."
        ),
    ],
    workspace: Annotated[Path, typer.Option(metavar="DIR", help="Where released models are kept.")] = DEFAULT_WORKSPACE,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="Ask this one question, print the answer and exit.")
    ] = None,
    system: Annotated[str | None, typer.Option(help="System message. Default: what the model's template has.")] = None,
    engine: Annotated[str, typer.Option(metavar="auto|llamacpp|transformers", help="What runs the model.")] = "auto",
    context: Annotated[
        int | None,
        typer.Option(min=16, metavar="TOKENS", help="Longest conversation. Default: the model's, at most 8192."),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0 takes the most probable token each time.")] = 0.7,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="Choose among the tokens that make up this much.")] = 0.95,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 1024,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same answer.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each answer.")] = False,
) -> None:
    """Talk with a model in the terminal.

    A model without a chat template, which has read text but no conversations, goes on with each text by itself.

    Answers appear as they are written; Ctrl-C stops one. /reset forgets the conversation, /exit or Ctrl-D ends it.

    Without a terminal, each line of standard input is a question of one conversation: echo "Who are you?" | danlu chat
    assistant. With -m no input is read.
    """
    from danlu.serving.conversation import Conversation
    from danlu.serving.engines.engine import Sampling

    loaded = _load(name, workspace, engine, context)
    try:
        if not loaded.has_chat_template:
            typer.echo(f"{name} has no chat template: it goes on with each text you give.", err=True)
        sampling = Sampling(max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
        conversation = Conversation(loaded, sampling, system)
        if message is not None:
            _answer(conversation, message, as_json)
        else:
            _talk(conversation, name, as_json)
    finally:
        loaded.close()


def _load(name: str, workspace: Path, engine: str, context: int | None) -> Engine:
    from danlu.serving.engines.engine import MAX_CONTEXT
    from danlu.serving.engines.table import ENGINES, choose_engine
    from danlu.serving.lookup import find_servable

    choice = choose_engine(find_servable(name, workspace), engine)
    typer.echo(f"Engine {choice.engine}: {choice.why}.", err=True)
    return ENGINES[choice.engine](choice.path, max_context=context or MAX_CONTEXT, parallel=1)


def _talk(conversation: Conversation, name: str, as_json: bool) -> None:
    person = sys.stdin.isatty()
    if person:
        typer.echo(f"Talking with {name}. /reset forgets, /exit ends, Ctrl-C stops an answer.", err=True)
    for question in typed() if person else piped():
        if question == "/exit":
            return
        if question == "/reset":
            conversation.reset()
            continue
        try:
            _answer(conversation, question, as_json)
        except UserError as error:
            if not person:
                raise
            typer.secho(str(error), fg="red", err=True)
        except KeyboardInterrupt:
            if not person:
                raise
            typer.echo("\n(stopped)", err=True)


def _answer(conversation: Conversation, question: str, as_json: bool) -> None:
    """Ask and print: as it comes, or as one line of JSON."""
    if as_json:
        typer.echo(_json_line(conversation.ask(question, lambda text: None)))
        return
    from rich.console import Console

    console = Console(highlight=False)
    reply = conversation.ask(
        question, lambda text: console.print(printable(text), end="", markup=False, emoji=False, soft_wrap=True)
    )
    console.print()
    if reply.reason == "length":
        typer.echo("(cut: the longest answer or the end of the context was reached)", err=True)


def _json_line(reply: Reply) -> str:
    total = reply.prompt_tokens + reply.completion_tokens
    return json.dumps(
        {
            "answer": reply.text,
            "finish_reason": reply.reason,
            "seconds": round(reply.seconds, 3),
            "usage": {
                "prompt_tokens": reply.prompt_tokens,
                "completion_tokens": reply.completion_tokens,
                "total_tokens": total,
            },
        },
        ensure_ascii=False,
    )
