"""Sources as examples: files are read, rows are understood, conversations are checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from danlu.artifacts.stage import Source
from danlu.corpus.config import CleanConfig
from danlu.corpus.conversations.conversation import BadRowError, Example, Message, check_conversation
from danlu.corpus.conversations.formats import FORMATS, Format, describe_formats, detect
from danlu.corpus.dropped import Dropped
from danlu.corpus.files import SourceFile, readable_files
from danlu.corpus.item import wrong_length
from danlu.corpus.replacing import Replacer
from danlu.corpus.rows import READERS, Unreadable, read_rows
from danlu.errors import UserError, did_you_mean
from danlu.telemetry.reporter import Reporter, Task

ROWS_PER_REPORT = 500


@dataclass
class ExampleReader:
    """Reads sources by the settings of ``do: clean``.

    What is left out goes to `dropped`; what is ignored or guessed is said to `reporter`.
    """

    config: CleanConfig
    dropped: Dropped
    reporter: Reporter
    num_rows_read: int = 0
    _replace: Replacer = field(init=False)
    _renamed: set[str] = field(default_factory=set)
    """Columns to be renamed that were found."""
    _columns: dict[str, None] = field(default_factory=dict)
    """All columns that were found, in order."""

    def __post_init__(self) -> None:
        self._replace = Replacer(self.config.replace)

    def read(self, sources: Sequence[Source]) -> list[Example]:
        """All examples of all sources, in order.

        Raises:
            UserError: a file cannot be read, no row of a file can be understood, there are no rows at all, or a column
                to be renamed is nowhere to be found.
        """
        examples = []
        for file in readable_files(sources, list(READERS)):
            examples += self._read_file(file)
        if not self.num_rows_read:
            raise UserError(
                f"There is not a single row in {', '.join(source.record.uri for source in sources)}.",
                "Name a source with conversations under 'from'.",
            )
        self._check_all_used()
        return examples

    def _read_file(self, file: SourceFile) -> list[Example]:
        uri = file.uri
        rows = read_rows(file)
        self.num_rows_read += len(rows)
        if not rows:
            self.reporter.warn(f"{uri} holds no rows.")
            return []
        rows = [self._rename(row) if isinstance(row, dict) else row for row in rows]
        name, form = self._format(rows, uri)
        self._say_unused_columns(rows, form, uri)
        with self.reporter.progress(f"reading {Path(uri).name}", len(rows), "rows") as task:
            conversations = self._read_conversations(rows, name, form, uri, task)
        return self._check(conversations, rows, uri)

    def _format(self, rows: list[Any], uri: str) -> tuple[str, Format]:
        mappings = [row for row in rows if isinstance(row, dict)]
        if self.config.format != "auto":
            return self.config.format, FORMATS[self.config.format]
        name = detect(mappings)
        if name is None:
            first = next((row for row in rows if not isinstance(row, Unreadable)), None)
            has = (
                f"columns {', '.join(map(repr, list(first)[:8]))}" if isinstance(first, dict) else type(first).__name__
            )
            raise UserError(
                f"{uri}: the rows are in no format that is known (the first has: {has}).",
                f"Known: {describe_formats()}. Rename columns with 'columns: {{theirs: ours}}'.",
            )
        self.reporter.say(f"{uri}: read as {name} ({FORMATS[name].keys}).")
        return name, FORMATS[name]

    def _read_conversations(
        self, rows: list[Any], name: str, form: Format, uri: str, task: Task
    ) -> list[tuple[int, list[Message]]]:
        """Row numbers and conversations, not yet checked."""
        conversations = []
        reasons: Counter[str] = Counter()
        for index, row in enumerate(rows):
            try:
                conversations.append((index, _understand(row, form)))
            except BadRowError as error:
                reasons[error.reason] += 1
                text = row.text if isinstance(row, Unreadable) else row
                self.dropped.add_row(text, source=uri, index=index, reason=error.reason)
            if (index + 1) % ROWS_PER_REPORT == 0:
                task.advance(ROWS_PER_REPORT)
        if not conversations:
            keys = next((", ".join(map(repr, list(row)[:8])) for row in rows if isinstance(row, dict)), "none")
            raise UserError(
                f"{uri}: no row can be read as {name}: {reasons.most_common(1)[0][0]} (columns: {keys}).",
                f"Known: {describe_formats()}. Rename columns with 'columns: {{theirs: ours}}'.",
            )
        task.advance(len(rows) % ROWS_PER_REPORT)
        return conversations

    def _check(self, conversations: list[tuple[int, list[Message]]], rows: list[Any], uri: str) -> list[Example]:
        examples = []
        for index, messages in conversations:
            for message in messages:
                message["content"] = self._replace(message["content"]).strip()
            if messages and messages[0]["role"] == "system" and not messages[0]["content"]:
                del messages[0]
            if self.config.system and messages and messages[0]["role"] != "system":
                messages.insert(0, {"role": "system", "content": self.config.system})
            try:
                check_conversation(messages)
            except BadRowError as error:
                self.dropped.add_row(rows[index], source=uri, index=index, reason=error.reason)
                continue
            example = Example.of(messages, uri, index)
            if reason := wrong_length(example.num_characters, self.config.min_characters, self.config.max_characters):
                self.dropped.add_item(example, reason=reason)
            else:
                examples.append(example)
        return examples

    def _rename(self, row: dict[str, Any]) -> dict[str, Any]:
        columns = self.config.columns
        self._columns.update(dict.fromkeys(row))
        if not columns:
            return row
        self._renamed |= columns.keys() & row.keys()
        renamed = {columns[key]: value for key, value in row.items() if key in columns}
        return {**{key: value for key, value in row.items() if key not in columns}, **renamed}

    def _say_unused_columns(self, rows: list[Any], form: Format, uri: str) -> None:
        unused: Counter[str] = Counter()
        for row in rows:
            if isinstance(row, dict):
                unused.update(str(key) for key in row if key not in form.columns and row[key] not in (None, "", []))
        if unused:
            listed = ", ".join(f"{key!r} ({count:,} rows)" for key, count in unused.items())
            self.reporter.say(f"{uri}: columns that are not used: {listed}.")

    def _check_all_used(self) -> None:
        for column in self.config.columns:
            if column not in self._renamed:
                raise UserError(
                    f"columns: no source has a column {column!r}.", did_you_mean(column, list(map(str, self._columns)))
                )
        self._replace.report(self.reporter)


def _understand(row: Any, form: Format) -> list[Message]:
    if isinstance(row, Unreadable):
        raise BadRowError(row.reason)
    if not isinstance(row, dict):
        raise BadRowError(f"the row is not a mapping but {type(row).__name__}")
    if row.get("label") is False:  # as files for KTO mark them
        raise BadRowError("labelled as a bad answer (label: false)")
    return form.read(row)
