"""Sources as documents: files are read, rows become texts, texts are tidied."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from danlu.corpus.config import CleanConfig
from danlu.corpus.documents.chinese import converter
from danlu.corpus.documents.document import Document
from danlu.corpus.documents.labelling import Labeller, label_columns, labeller
from danlu.corpus.documents.scoring import scorer
from danlu.corpus.documents.template import MissingTextError, columns_of, renderer
from danlu.corpus.documents.text import lines, paragraphs, tidy
from danlu.corpus.dropped import Dropped
from danlu.corpus.files import BadFileError, SourceFile, read_text
from danlu.corpus.item import wrong_length
from danlu.corpus.replacing import Replacer
from danlu.corpus.rows import READERS, Unreadable, read_rows
from danlu.errors import UserError, did_you_mean
from danlu.telemetry.reporter import Reporter

TEXT_SUFFIXES = (".txt", ".md", ".rst")
USUAL_COLUMNS = ("text", "content")
"""Where the text stands if the recipe does not say it; the first that is there."""
LABEL_HINT = 'Give text files their class by patterns: label: {"*/good/*": good, "*/bad/*": bad}.'
NO_CHARACTER = "it holds half a surrogate pair, which is no character"


class DocumentReader:
    """Reads files by the settings of ``do: clean``.

    What is left out goes to `dropped`; what is ignored or guessed is said to `reporter`.

    Raises:
        UserError: Chinese is to be converted and OpenCC is not installed.
    """

    def __init__(self, config: CleanConfig, dropped: Dropped, reporter: Reporter) -> None:
        self.num_files_read = 0
        self.num_documents_read = 0
        self._config = config
        self._dropped = dropped
        self._reporter = reporter
        self._replace = Replacer(config.replace)
        self._matching = re.compile(config.matching) if config.matching else None
        self._convert = converter(config.chinese) if config.chinese else None
        self._columns: dict[str, None] = {}
        """All columns that were found, in order."""
        self._read_text_file = False
        self._read_row_file = False
        self._first_bad: BadFileError | None = None

    def read(self, files: Sequence[SourceFile]) -> Iterator[Document]:
        """All documents of all files, in order. Holds one file at a time.

        Raises:
            UserError: no file can be read, or a column of the template is nowhere to be found.
        """
        sizes = [file.path.stat().st_size for file in files]
        with self._reporter.progress("reading documents", sum(sizes), "bytes") as task:
            for file, size in zip(files, sizes, strict=True):
                yield from self._read_file(file)
                task.advance(size)
        self._check_all_used()

    def _read_file(self, file: SourceFile) -> Iterator[Document]:
        try:
            texts = self._texts(file)
        except BadFileError as error:
            self._first_bad = self._first_bad or error
            self._dropped.add_file(error, self._reporter)
            return
        self.num_files_read += 1
        for index, text, label, score in texts:
            self.num_documents_read += 1
            if document := self._finish(text, file.uri, index, label, score):
                yield document

    def _texts(self, file: SourceFile) -> Iterator[tuple[int, str, str | None, float | None]]:
        """Row numbers, tidy texts, their classes and scores.

        Raises:
            BadFileError: the file cannot be read.
        """
        label = labeller(self._config.label, file)
        if file.suffix in TEXT_SUFFIXES:
            self._read_text_file = True
            if columns := label_columns(self._config.label):
                raise BadFileError(file.uri, f"a text file has no column {columns[0]!r} for label", LABEL_HINT)
            if self._config.score is not None:
                hint = "Leave the file out with 'exclude', or leave out score."
                raise BadFileError(file.uri, f"a text file has no column {self._config.score!r} for score", hint)
            return ((index, text, label(text), None) for index, text in self._cut(tidy(read_text(file))))
        if file.suffix not in READERS:
            raise BadFileError(
                file.uri,
                f"files with the suffix {file.path.suffix!r} cannot be read",
                f"Known are {', '.join([*TEXT_SUFFIXES, *READERS])}, each also with .gz. Turn others into text first.",
            )
        rows = read_rows(file)
        if not rows:
            raise BadFileError(file.uri, "it holds no rows", "Name a file with documents under 'from'.")
        self._read_row_file = True
        return self._render(rows, self._template(rows, file.uri), label, file.uri)

    def _cut(self, text: str) -> Iterator[tuple[int, str]]:
        """The documents of a text file."""
        match self._config.documents:
            case "file":
                yield 0, text
            case "paragraphs":
                yield from enumerate(paragraphs(text))
            case "lines":
                yield from ((number, line) for number, line in enumerate(lines(text)) if line)

    def _template(self, rows: list[Any], uri: str) -> str:
        """The template for the rows of one file.

        Raises:
            BadFileError: no row has one of its columns.
        """
        columns: dict[str, None] = {}
        for row in rows:
            if isinstance(row, dict):
                columns.update(dict.fromkeys(row))
        self._columns.update(columns)
        usual = next((f"{{{column}}}" for column in USUAL_COLUMNS if column in columns), None)
        template = self._config.text or usual
        if template is None:
            raise BadFileError(
                uri,
                f"no column is called 'text' or 'content' ({_described(columns)})",
                'Say how a row becomes text, for example: text: "{title}\\n{body}"',
            )
        asked = [*columns_of(template), *label_columns(self._config.label)]
        if self._config.score is not None:
            asked.append(self._config.score)
        missing = next((column for column in asked if column not in columns), None)
        if missing is not None:
            raise BadFileError(
                uri, f"no row has the column {missing!r} ({_described(columns)})", did_you_mean(missing, list(columns))
            )
        return template

    def _render(
        self, rows: list[Any], template: str, label: Labeller, uri: str
    ) -> Iterator[tuple[int, str, str | None, float | None]]:
        """The documents of a file of rows."""
        render, score_of = renderer(template), scorer(self._config.score)
        for index, row in enumerate(rows):
            try:
                text, its_label, score = tidy(render(row)), label(row), score_of(row)
            except MissingTextError as error:
                self.num_documents_read += 1
                content = row.text if isinstance(row, Unreadable) else row
                self._dropped.add_row(content, source=uri, index=index, reason=error.reason)
            else:
                yield index, text, its_label, score

    def _finish(self, text: str, uri: str, index: int, label: str | None, score: float | None) -> Document | None:
        """The document, or None if it is left out."""
        try:
            converted = self._convert(text) if self._convert else text
            document = Document.of(self._replace(converted).strip(), uri, index, label, score)
        except UnicodeEncodeError:
            self._dropped.add_row(text, source=uri, index=index, reason=NO_CHARACTER)
            return None
        shortest, longest = self._config.min_characters, self._config.max_characters
        reason = wrong_length(len(document.text), shortest, longest) if document.text else "it is empty"
        if not reason and self._matching and not self._matching.fullmatch(document.text):
            reason = "it does not match 'matching'"
        if reason:
            self._dropped.add_item(document, reason=reason)
            return None
        return document

    def _check_all_used(self) -> None:
        config = self._config
        if config.text is not None and self._read_row_file:
            for column in columns_of(config.text):
                if column not in self._columns:
                    raise UserError(
                        f"text: no source has a column {column!r}.", did_you_mean(column, list(map(str, self._columns)))
                    )
        if self._first_bad and not self.num_files_read:
            raise self._first_bad
        if config.text is not None and not self._read_row_file:
            self._reporter.warn("text: no source has rows, so the template is not used.")
        if config.documents != "file" and not self._read_text_file:
            self._reporter.warn(f"documents: {config.documents} is not used, since no source is a text file.")
        self._replace.report(self._reporter)
        used = [
            *(columns_of(config.text) if config.text else USUAL_COLUMNS),
            *label_columns(config.label),
            config.score,
        ]
        if unused := [repr(column) for column in self._columns if column not in used]:
            self._reporter.say(f"Columns that are not used: {', '.join(unused)}.")


def _described(columns: dict[str, None]) -> str:
    listed = ", ".join(map(repr, list(columns)[:8]))
    return f"it has {listed}" if listed else "its rows are no mappings"
