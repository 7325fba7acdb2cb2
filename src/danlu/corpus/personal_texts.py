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
        self._finds: list[pa.Table] = []
        treat([], [], config, self._key)  # says if there is no key

    def treat(self, texts: Sequence[str]) -> list[str]:
        """The texts as they may be kept. In the finds, a text's place among these stands for its document."""
        treated = self._treat(texts, [str(place) for place in range(len(texts))], self._config, self._key)
        self._finds.append(treated.hits)
        return treated.texts

    def take_finds(self, ids: Sequence[str]) -> pa.Table:
        """What was found since this was last asked.

        Args:
            ids: Of the documents, by the places of their texts.
        """
        table = pa.concat_tables(self._finds)
        self._finds = []
        documents = [ids[int(place)] for place in table.column("document").to_pylist()]
        return table.set_column(0, table.schema.field("document"), pa.array(documents, pa.string()))
