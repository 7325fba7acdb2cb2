"""An engine whose answers are written beforehand, and a server of it: no model, so that only the gateway is tested.

As a program, ``python scripted_engine.py PACE GRACE``, it serves such an engine until it is told to stop.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from danlu.serving.engines.engine import (
    Candidate,
    Emit,
    Finish,
    InputRefused,
    Message,
    Piece,
    Sampling,
    TokenLogprob,
)

ANSWER = ["Paris", " is", " the", " capital", " of", " France", "."]


class ScriptedEngine:
    """Answers every prompt with `ANSWER`, one word a token; token ids are Unicode code points.

    Args:
        pace: Seconds before each token.
        parallel: As `Engine.parallel`.
        context_length: As `Engine.context_length`.
        answer: Words to say.
    """

    name = "scripted"
    vocabulary_size = 0x110000
    json_schema = False
    has_chat_template = True

    def __init__(
        self, *, pace: float = 0.0, parallel: int = 2, context_length: int = 2000, answer: Sequence[str] = ANSWER
    ) -> None:
        self.pace = pace
        self.parallel = parallel
        self.context_length = context_length
        self.answer = answer
        self.samplings: list[Sampling] = []
        self.prompts: list[str] = []
        self.most_active = 0
        self.cancelled = 0
        self.active = 0
        self._lock = threading.Lock()

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        if messages[-1]["content"] == "refuse":
            raise InputRefused("The chat template refuses the conversation: roles must alternate", "messages")
        return self.encode("".join(f"<{message['role']}>{message['content']}" for message in messages))

    def encode(self, text: str) -> list[int]:
        return [ord(character) for character in text]

    def decode(self, token_ids: Sequence[int]) -> str:
        return "".join(map(chr, token_ids))

    def generate(self, prompt: Sequence[int], sampling: Sampling, emit: Emit) -> Finish:
        text = self.decode(prompt)
        if text.endswith("break"):
            raise RuntimeError(f"secret: {text}")
        with self._lock:
            self.active += 1
            self.most_active = max(self.most_active, self.active)
            self.samplings.append(sampling)
            self.prompts.append(text)
        try:
            return self._say(self.answer[: sampling.max_tokens], sampling, emit)
        finally:
            with self._lock:
                self.active -= 1

    def _say(self, words: Sequence[str], sampling: Sampling, emit: Emit) -> Finish:
        for index, word in enumerate(words):
            time.sleep(self.pace)
            if not emit(Piece(word, self._logprobs(word, sampling))):
                self.cancelled += 1
                return Finish("cancelled", index + 1)
        return Finish("stop" if len(words) == len(self.answer) else "length", len(words))

    def _logprobs(self, word: str, sampling: Sampling) -> tuple[TokenLogprob, ...]:
        if sampling.logprobs is None:
            return ()
        chosen = Candidate(word, -0.25, list(word.encode()))
        return (TokenLogprob(chosen, [chosen] * sampling.logprobs),)

    def close(self) -> None:
        """Holds nothing."""


@contextmanager
def serving(engine: ScriptedEngine, **options: object) -> Iterator[str]:
    """Serve `engine` from a thread; yields the address."""
    import uvicorn

    from danlu.serving.gateway import create_app
    from danlu.serving.lookup import Servable
    from danlu.serving.server import address_of, bind

    settings: dict[str, object] = {"api_keys": frozenset(), "loopback_only": True, **options}
    app = create_app(engine, Servable("assistant", ("assistant@1",), None, None), **settings)  # type: ignore[arg-type]
    sock: socket.socket = bind("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield address_of(sock)
    finally:
        server.should_exit = True
        thread.join(30)
        sock.close()


def main(pace: float, grace: float) -> None:
    from danlu.serving import server
    from danlu.serving.gateway import create_app
    from danlu.serving.lookup import Servable

    server.GRACE_SECONDS = int(grace)
    app = create_app(
        ScriptedEngine(pace=pace), Servable("assistant", (), None, None), api_keys=frozenset(), loopback_only=True
    )
    with server.bind("127.0.0.1", 0) as sock:
        server.run_server(app, sock, lambda: print(server.address_of(sock), flush=True))


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
