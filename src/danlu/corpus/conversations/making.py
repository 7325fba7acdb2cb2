"""From rows to conversations: rows are understood, conversations checked, and some are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from danlu.artifacts.examples import EXAMPLE_SCHEMA
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations.conversation import (
    BadRowError,
    Draft,
    Example,
    Message,
    check_conversation,
    comparable_of,
)
from danlu.corpus.conversations.formats import FORMATS, Format, describe_formats, detect
from danlu.corpus.documents.template import MissingTextError
from danlu.corpus.files import BadFileError
from danlu.corpus.item import wrong_length
from danlu.corpus.personal_texts import PersonalTexts
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.reading.table import ROWS, Piece, first_rows, rows_of
from danlu.corpus.replacing import Replacer
from danlu.corpus.splitting.marking import mark_columns, marker
from danlu.corpus.working.finished import Finished
from danlu.corpus.working.left_out import LeftOut
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.work import Inputs


class ExampleMaker:
    """Makes conversations by the settings of ``do: clean``."""

    schema: pa.Schema = EXAMPLE_SCHEMA
    body = "messages"

    def __init__(self, config: CleanConfig, inputs: Inputs) -> None:
        self._config = config
        self._replace = Replacer(config.replace)
        self.personal = PersonalTexts(config.personal) if config.personal else None

    @staticmethod
    def shown(body: Any) -> str:
        """For people."""
        return "\n".join(message["content"] for message in body)

    @staticmethod
    def comparable(body: Any) -> str:
        """What near duplicates have nearly in common."""
        return comparable_of(body)

    def judge(self, piece: Piece) -> str:
        """The name of the format of a file, from its first rows.

        Raises:
            BadFileError: it has no rows, or they are in no format that is known.
        """
        uri = piece.file.uri
        if piece.kind not in ROWS:
            raise BadFileError(
                uri, f"a {piece.kind} file holds no conversations", "Name files of rows, or set into: corpus."
            )
        marker(self._config.split, None, piece.file)
        rows = first_rows(piece, "conversations")
        mappings = [self._renamed(row) for row in rows if isinstance(row, dict)]
        name = detect(mappings) if self._config.format == "auto" else self._config.format
        if name is None:
            first = next((row for row in rows if not isinstance(row, Unreadable)), None)
            has = (
                f"columns {', '.join(map(repr, list(first)[:8]))}" if isinstance(first, dict) else type(first).__name__
            )
            raise BadFileError(uri, f"the rows are in no format that is known (the first has: {has})", _hint())
        reasons = Counter(reason for row in mappings if (reason := _why_not(row, FORMATS[name])))
        if mappings and sum(reasons.values()) == len(mappings):
            keys = ", ".join(map(repr, list(mappings[0])[:8]))
            problem = f"no row can be read as {name}: {reasons.most_common(1)[0][0]} (columns: {keys})"
            raise BadFileError(uri, problem, _hint())
        return name

    def read(self, piece: Piece, how: str, notes: Notes) -> Iterator[Draft | LeftOut]:
        """See `danlu.corpus.working.work.Maker`."""
        form = FORMATS[how]
        unused = notes.unused.setdefault(piece.file.uri, Counter())
        mark = marker(self._config.split, None, piece.file)
        used = form.columns | set(mark_columns(self._config.split))
        for row in rows_of(piece):
            content = row
            if isinstance(row, dict):
                notes.columns.update(dict.fromkeys(row))
                row = self._renamed(row)
                unused.update(str(key) for key in row if key not in used and row[key] not in (None, "", []))
            try:
                yield Draft(_understood(row, form), content, mark(content))
            except (BadRowError, MissingTextError) as error:
                yield LeftOut(row.text if isinstance(row, Unreadable) else content, error.reason)

    def finish(self, drafts: Sequence[Draft], notes: Notes) -> Finished:
        """See `danlu.corpus.working.work.Maker`."""
        for draft in drafts:
            for message in draft.messages:
                message["content"] = self._replace(message["content"]).strip()
        notes.replaced.update(self._replace.take_counts())
        if self.personal is None:
            return Finished([self._finished(draft) for draft in drafts])
        messages = [(number, message) for number, draft in enumerate(drafts) for message in draft.messages]
        treated = self.personal.treat([message["content"] for _, message in messages])
        for (_, message), content in zip(messages, treated, strict=True):
            message["content"] = content
        finished = [self._finished(draft) for draft in drafts]
        ids = [each.id for each in finished]
        self.personal.name([ids[number] for number, _ in messages])
        return Finished(finished)

    def _finished(self, draft: Draft) -> Example | LeftOut:
        messages = draft.messages
        if messages and messages[0]["role"] == "system" and not messages[0]["content"]:
            del messages[0]
        if self._config.system and messages and messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": self._config.system})
        try:
            check_conversation(messages)
        except BadRowError as error:
            return LeftOut(draft.row, error.reason)
        example = Example.of(messages)
        reason = wrong_length(draft.num_characters, self._config.min_characters, self._config.max_characters)
        return LeftOut(self.shown(messages), reason, example.id) if reason else example

    def _renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        columns = self._config.columns
        if not columns:
            return row
        renamed = {columns[key]: value for key, value in row.items() if key in columns}
        return {**{key: value for key, value in row.items() if key not in columns}, **renamed}


def _hint() -> str:
    return f"Known: {describe_formats()}. Rename columns with 'columns: {{theirs: ours}}'."


def _why_not(row: dict[str, Any], form: Format) -> str | None:
    try:
        _understood(row, form)
    except BadRowError as error:
        return error.reason
    return None


def _understood(row: Any, form: Format) -> list[Message]:
    if isinstance(row, Unreadable):
        raise BadRowError(row.reason)
    if not isinstance(row, dict):
        raise BadRowError(f"the row is not a mapping but {type(row).__name__}")
    if row.get("label") is False:  # as files for KTO mark them
        raise BadRowError("labelled as a bad answer (label: false)")
    return form.read(row)
