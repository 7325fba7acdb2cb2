"""Personal information in the texts of a stage: treated many at a time, and every find kept for the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

import pyarrow as pa

from danlu.corpus.personal.config import PersonalConfig
from danlu.errors import UserError


class PersonalTexts:
    """Treats texts by the settings.

    Raises:
        UserError: a key is needed and there is none, or a library is not installed.
    """

    def __init__(self, config: PersonalConfig) -> None:
        if find_spec("numba") is None:
            raise UserError("personal needs the package numba, which is not installed.", "pip install 'danlu[data]'")
        from danlu.corpus.personal.keys import Key
        from danlu.corpus.personal.treating import treat

        self._config = config
        self._key = Key.from_environment()
        self._treat = treat
        self._finds: pa.Table | None = None
        treat([], [], config, self._key)  # says if there is no key

    def treat(self, texts: Sequence[str]) -> list[str]:
        """The texts as they may be kept. Say next of which documents they are: see `name`."""
        treated = self._treat(texts, [str(place) for place in range(len(texts))], self._config, self._key)
        self._finds = treated.hits
        return treated.texts

    def name(self, ids: Sequence[str]) -> None:
        """Say of which documents the texts were that were treated last, by their places."""
        assert self._finds is not None
        documents = [ids[int(place)] for place in self._finds.column("document").to_pylist()]
        field = self._finds.schema.field("document")
        self._finds = self._finds.set_column(0, field, pa.array(documents, pa.string()))

    def take_finds(self) -> pa.Table:
        """What was found in the texts that were treated last."""
        assert self._finds is not None
        return self._finds
