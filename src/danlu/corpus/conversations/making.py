"""From rows to conversations: rows are understood, conversations checked, and some are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import pyarrow as pa

from danlu.artifacts.examples import EXAMPLE_SCHEMA
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations.conversation import (
    BadRowError,
    Conversation,
    Draft,
    Example,
    check,
    comparable_of,
)
from danlu.corpus.conversations.formats import FORMATS, Format, describe_formats, detect
from danlu.corpus.conversations.formats.kto import LABELS, label_of
from danlu.corpus.decontamination.held_out import Where
from danlu.corpus.decontamination.judge import decontamination
from danlu.corpus.documents.template import MissingTextError
from danlu.corpus.files import BadFileError
from danlu.corpus.item import normalise, wrong_length
from danlu.corpus.judging import judge_in_turn
from danlu.corpus.personal_texts import PersonalTexts
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.reading.table import ROWS, Piece, first_rows, rows_of
from danlu.corpus.replacing import Replacer
from danlu.corpus.splitting.config import PROMPT
from danlu.corpus.splitting.marking import Mark, mark_columns, marker
from danlu.corpus.working.finished import Finished
from danlu.corpus.working.left_out import LeftOut
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.work import Inputs
from danlu.overlap.rows import conversation_text


class ExampleMaker:
    """Makes conversations by the settings of ``do: clean``."""

    schema: pa.Schema = EXAMPLE_SCHEMA
    body = "messages"

    def __init__(self, config: CleanConfig, inputs: Inputs, held_out: tuple[Where, ...] = ()) -> None:
        self._config = config
        self._replace = Replacer(config.replace)
        self._judges = decontamination(config.decontaminate, held_out)
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
        uri = piece.file.uri
        found = notes.found.setdefault(uri, Counter())
        mark = marker(self._config.split, None, piece.file)
        for row in rows_of(piece):
            content = row
            if isinstance(row, dict):
                row = self._renamed(row)
                self._note_columns(content, row, form, uri, notes)
            try:
                conversation = _understood(row, form)
                found.update(_particulars(conversation))
                yield Draft(conversation, content, self._with_prompt(mark(content), conversation))
            except (BadRowError, MissingTextError) as error:
                yield LeftOut(row.text if isinstance(row, Unreadable) else content, error.reason)

    def _with_prompt(self, mark: Mark, conversation: Conversation) -> Mark:
        """With what the user says first as its group, if that was asked for."""
        if self._config.split.group != PROMPT:
            return mark
        return replace(
            mark, group=next((normalise(m["content"]) for m in conversation.messages if m["role"] == "user"), None)
        )

    def _note_columns(self, content: dict[str, Any], row: dict[str, Any], form: Format, uri: str, notes: Notes) -> None:
        """Which of the columns of a row are used, and which are not."""
        notes.columns.update(dict.fromkeys(content))
        read = form.columns | (set(LABELS) if label_of(row) is not None else set())
        filled = [str(key) for key in row if row[key] not in (None, "", [])]
        notes.used.setdefault(uri, {}).update(dict.fromkeys(key for key in filled if key in read))
        for_split = mark_columns(self._config.split)
        unused = notes.unused.setdefault(uri, Counter())
        unused.update(key for key in filled if key not in read and key not in for_split)

    def finish(self, drafts: Sequence[Draft], notes: Notes) -> Finished:
        """See `danlu.corpus.working.work.Maker`."""
        for draft in drafts:
            draft.conversation.map_texts(self._replace)
            for message in chain.from_iterable(draft.conversation.sides):
                message["content"] = message["content"].strip()
        notes.replaced.update(self._replace.take_counts())
        judgement = judge_in_turn(self._judges, [conversation_text(draft.conversation.messages) for draft in drafts])
        finished = self._treated(drafts)
        for place, (reason, detail) in enumerate(zip(judgement.reasons, judgement.details or [], strict=True)):
            example = finished[place]
            if reason and isinstance(example, Example):
                finished[place] = LeftOut(self.shown(example.conversation.messages), reason, example.id, detail)
        return Finished(finished, range(len(drafts)) if self._judges else (), judgement.tags)

    def _treated(self, drafts: Sequence[Draft]) -> list[Example | LeftOut]:
        """Without what says who somebody is, if that was asked for."""
        if self.personal is None:
            return [self._finished(draft) for draft in drafts]
        texts: list[str] = []
        numbers: list[int] = []
        for number, draft in enumerate(drafts):
            draft.conversation.map_texts(partial(_noted, texts), numbers=True)
            numbers += [number] * (len(texts) - len(numbers))
        treated = iter(self.personal.treat(texts))
        for draft in drafts:
            draft.conversation.map_texts(lambda _: next(treated), numbers=True)
        finished = [self._finished(draft) for draft in drafts]
        ids = [each.id for each in finished]
        self.personal.name([ids[number] for number in numbers])
        return finished

    def _finished(self, draft: Draft) -> Example | LeftOut:
        conversation = draft.conversation
        for messages in conversation.sides:
            if messages and messages[0]["role"] == "system" and not messages[0]["content"]:
                del messages[0]
            if self._config.system and messages and messages[0]["role"] != "system":
                messages.insert(0, {"role": "system", "content": self._config.system})
        try:
            check(conversation)
        except BadRowError as error:
            return LeftOut(draft.row, error.reason)
        example = Example.of(conversation)
        reason = wrong_length(draft.num_characters, self._config.min_characters, self._config.max_characters)
        return LeftOut(self.shown(conversation.messages), reason, example.id) if reason else example

    def _renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        columns = self._config.columns
        if not columns:
            return row
        renamed = {columns[key]: value for key, value in row.items() if key in columns}
        return {**{key: value for key, value in row.items() if key not in columns}, **renamed}


def _noted(texts: list[str], text: str) -> str:
    texts.append(text)
    return text


def _hint() -> str:
    return f"Known: {describe_formats()}. Rename columns with 'columns: {{theirs: ours}}'."


def _why_not(row: dict[str, Any], form: Format) -> str | None:
    try:
        _understood(row, form)
    except BadRowError as error:
        return error.reason
    return None


def _understood(row: Any, form: Format) -> Conversation:
    if isinstance(row, Unreadable):
        raise BadRowError(row.reason)
    if not isinstance(row, dict):
        raise BadRowError(f"the row is not a mapping but {type(row).__name__}")
    conversation = form.read(row)
    if conversation.rejected is None:  # also if the settings name another format: a bad answer is none to learn from
        conversation.desirable = label_of(row)
    return conversation


def _particulars(conversation: Conversation) -> Iterator[str]:
    """What a conversation has that not all have, for people."""
    if conversation.rejected is not None:
        yield "pairs"
    if conversation.desirable is not None:
        yield "good answers" if conversation.desirable else "bad answers"
    if conversation.tools is not None:
        yield "with tools"
    if any("tool_calls" in message for message in conversation.messages):
        yield "with calls of tools"
    if any("reasoning_content" in message for message in conversation.messages):
        yield "with thoughts"
