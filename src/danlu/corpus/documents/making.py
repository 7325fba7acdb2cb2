"""From rows and text files to documents: rows become texts, texts are tidied, and some are left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa

from danlu.artifacts.corpus import DOCUMENT_SCHEMA
from danlu.corpus.config import CleanConfig
from danlu.corpus.decontamination.held_out import Where
from danlu.corpus.decontamination.judge import decontamination
from danlu.corpus.documents.about import about_row, without_people
from danlu.corpus.documents.chinese import converter
from danlu.corpus.documents.document import Document, Draft, comparable_of
from danlu.corpus.documents.formatted import formatted_texts
from danlu.corpus.documents.labelling import Labeller, label_columns, labeller
from danlu.corpus.documents.scoring import scorer
from danlu.corpus.documents.template import MissingTextError, columns_of, renderer
from danlu.corpus.documents.text import tidy
from danlu.corpus.documents.texts import texts_of
from danlu.corpus.files import BadFileError
from danlu.corpus.item import id_of_text, normalise, wrong_length
from danlu.corpus.judging import Judge, judge_in_turn
from danlu.corpus.personal_texts import PersonalTexts
from danlu.corpus.reading.row import Unreadable
from danlu.corpus.reading.table import ROWS, Piece, first_rows, rows_of
from danlu.corpus.replacing import Replacer
from danlu.corpus.splitting.marking import Marker, mark_columns, marker
from danlu.corpus.working.finished import Finished
from danlu.corpus.working.left_out import LeftOut
from danlu.corpus.working.notes import Notes
from danlu.corpus.working.work import Inputs
from danlu.errors import UserError, did_you_mean

USUAL_COLUMNS = ("text", "content")
"""Where the text stands if the recipe does not say it; the first that is there."""
LABEL_HINT = 'Give text files their class by patterns: label: {"*/good/*": good, "*/bad/*": bad}.'
SPLIT_HINT = "Text files have no columns: write split: {by: group, group: file} or patterns, or leave the file out."
NO_CHARACTER = "it holds half a surrogate pair, which is no character"


class DocumentMaker:
    """Makes documents by the settings of ``do: clean``.

    Args:
        config: Of the stage.
        inputs: Of the stage.
        toxic_words: Files of words besides Danlu's lists.
        held_out: Where the rows are that documents must not hold.

    Raises:
        UserError: a library that the settings need is not installed.
    """

    schema: pa.Schema = DOCUMENT_SCHEMA
    body = "text"

    def __init__(
        self,
        config: CleanConfig,
        inputs: Inputs,
        toxic_words: Sequence[Path] = (),
        held_out: tuple[Where, ...] = (),
    ) -> None:
        self._config = config
        self._replace = Replacer(config.replace)
        if config.deduplicate.substrings is not None:
            _require_numba("deduplicate.substrings")
        self._matching = re.compile(config.matching) if config.matching else None
        self._judges = [*_judges(config, inputs, toxic_words), *decontamination(config.decontaminate, held_out)]
        self.personal = PersonalTexts(config.personal) if config.personal else None
        self._convert: Callable[[str], str] = converter(config.chinese) if config.chinese else str

    @staticmethod
    def shown(body: Any) -> str:
        """For people."""
        return str(body)

    @staticmethod
    def comparable(body: Any) -> str:
        """What near duplicates have nearly in common."""
        return comparable_of(normalise(body))

    def judge(self, piece: Piece) -> str:
        """The template by which rows of a file become texts, from its first rows; empty for a text file.

        Raises:
            BadFileError: it has no rows, or none of the first has what is asked for.
        """
        config, uri = self._config, piece.file.uri
        labeller(config.label, piece.file)
        marker(config.split, config.label, piece.file)
        if piece.kind not in ROWS:
            if columns := label_columns(config.label):
                raise BadFileError(uri, f"a {piece.kind} file has no column {columns[0]!r} for label", LABEL_HINT)
            if columns := mark_columns(config.split):
                raise BadFileError(uri, f"a {piece.kind} file has no column {columns[0]!r} for split", SPLIT_HINT)
            if config.score is not None:
                hint = "Leave the file out with 'exclude', or leave out score."
                raise BadFileError(uri, f"a {piece.kind} file has no column {config.score!r} for score", hint)
            return ""
        rows = first_rows(piece, "documents")
        found = dict.fromkeys(column for row in rows if isinstance(row, dict) for column in row)
        templates = config.templates or [f"{{{column}}}" for column in USUAL_COLUMNS if column in found]
        if not templates:
            raise BadFileError(
                uri,
                f"no column is called 'text' or 'content' ({_described(found)})",
                'Say how a row becomes text, for example: text: "{title}\\n{body}"',
            )
        template = next((each for each in templates if set(columns_of(each)) <= found.keys()), templates[0])
        asked = [*columns_of(template), *label_columns(config.label), *filter(None, [config.score])]
        asked += mark_columns(config.split)
        missing = next((column for column in asked if column not in found), None)
        if missing is not None:
            raise BadFileError(
                uri, f"no row has the column {missing!r} ({_described(found)})", did_you_mean(missing, list(found))
            )
        return template

    def read(self, piece: Piece, how: str, notes: Notes) -> Iterator[Draft | LeftOut | None]:
        """See `danlu.corpus.working.work.Maker`."""
        label = labeller(self._config.label, piece.file)
        mark = marker(self._config.split, self._config.label, piece.file)
        if piece.kind in ROWS:
            return self._of_rows(piece, how, label, mark, notes)
        return (self._of_texts if piece.kind == "text" else self._of_formatted)(piece, label, mark)

    def finish(self, drafts: Sequence[Draft], notes: Notes) -> Finished:
        """See `danlu.corpus.working.work.Maker`."""
        texts = [self._prepared(draft.text) for draft in drafts]
        notes.replaced.update(self._replace.take_counts())
        judged = [place for place, text in enumerate(texts) if isinstance(text, str)] if self._judges else []
        judgement = judge_in_turn(self._judges, [str(texts[place]) for place in judged])
        outcomes = zip(judged, judgement.texts, judgement.reasons, judgement.details or [], strict=True)
        for place, edited, reason, detail in outcomes:
            reason = reason or (self._wrong_length(edited) if edited != texts[place] else None)
            texts[place] = LeftOut(edited, reason, id_of_text(edited), detail) if reason else edited
        abouts = [draft.about for draft in drafts]
        if self.personal:
            abouts = without_people(abouts, self.personal)
            texts = _treated(texts, self.personal)
        finished = [
            text if isinstance(text, LeftOut) else Document.of(text, draft.label, draft.score, about)
            for text, draft, about in zip(texts, drafts, abouts, strict=True)
        ]
        if self.personal:
            self.personal.name([each.id for each in finished if isinstance(each, Document)])
        return Finished(finished, judged, judgement.tags if judged else {})

    def _of_texts(self, piece: Piece, label: Labeller, mark: Marker) -> Iterator[Draft | LeftOut | None]:
        by_lines = self._config.documents == "lines"
        for text in texts_of(piece, self._config.documents):
            if isinstance(text, Unreadable):
                yield LeftOut(text.text, text.reason)
            else:
                yield None if by_lines and not text else Draft(text, label(text), None, mark(text))

    def _of_formatted(self, piece: Piece, label: Labeller, mark: Marker) -> Iterator[Draft | LeftOut]:
        for found in formatted_texts(piece):
            if isinstance(found, Unreadable):
                yield LeftOut(found.text, found.reason)
            else:
                text, about = found
                yield Draft(text, label(text), None, mark(text), about)

    def _of_rows(
        self, piece: Piece, template: str, label: Labeller, mark: Marker, notes: Notes
    ) -> Iterator[Draft | LeftOut]:
        render, score_of = renderer(template), scorer(self._config.score)
        for row in rows_of(piece):
            if isinstance(row, dict):
                notes.columns.update(dict.fromkeys(row))
            try:
                yield Draft(tidy(render(row)), label(row), score_of(row), mark(row), about_row(row))
            except MissingTextError as error:
                yield LeftOut(row.text if isinstance(row, Unreadable) else row, error.reason)

    def _prepared(self, text: str) -> str | LeftOut:
        """The text as the settings want it, or why it is left out."""
        changed = self._replace(self._convert(text)).strip()
        try:
            changed.encode()
        except UnicodeEncodeError:
            return LeftOut(text, NO_CHARACTER)
        reason = self._wrong_length(changed)
        if not reason and self._matching and not self._matching.fullmatch(changed):
            reason = "it does not match 'matching'"
        return LeftOut(changed, reason, id_of_text(changed)) if reason else changed

    def _wrong_length(self, text: str) -> str | None:
        shortest, longest = self._config.min_characters, self._config.max_characters
        return wrong_length(len(text), shortest, longest) if text else "it is empty"


def _treated(texts: Sequence[str | LeftOut], personal: PersonalTexts) -> list[str | LeftOut]:
    """Without what says who somebody is. What is left out, too: the id of a short text would give it away to whoever
    tries all telephone numbers."""
    left = [text for text in texts if isinstance(text, LeftOut) and text.id]
    treated = iter(personal.treat([text.content for text in left]))
    kept = iter(personal.treat([text for text in texts if isinstance(text, str)]))  # last, since these finds are named
    found: list[str | LeftOut] = []
    for text in texts:
        if isinstance(text, str):
            found.append(next(kept))
        elif text.id:
            content = next(treated)
            found.append(replace(text, content=content, id=id_of_text(content)))
        else:
            found.append(text)
    return found


def _judges(config: CleanConfig, inputs: Inputs, toxic_words: Sequence[Path]) -> list[Judge]:
    """In the order in which they judge."""
    found: list[Judge] = []
    if config.unicode is not None:
        from danlu.corpus.tagging.characters import UnicodeJudge

        found.append(UnicodeJudge(config.unicode))
    if config.boilerplate is not None:
        from danlu.corpus.tagging.boilerplate import BoilerplateJudge

        found.append(BoilerplateJudge(config.boilerplate))
    if config.language is not None:
        from danlu.corpus.tagging.language import LanguageJudge

        found.append(LanguageJudge(config.language))
    if config.quality is not None:
        _require_numba("quality")
        from danlu.corpus.rules.judging import RulesJudge

        found.append(RulesJudge(config.quality))
    if config.scorers:
        from danlu.corpus.tagging.scores import ScoresJudge

        found.append(ScoresJudge(config.scorers, [each.path for each in inputs["scorers"]]))
    if config.toxicity is not None:
        from danlu.corpus.tagging.toxicity import ToxicityJudge

        found.append(ToxicityJudge(config.toxicity, toxic_words))
    return found


def _described(columns: dict[Any, None]) -> str:
    listed = ", ".join(map(repr, list(columns)[:8]))
    return f"it has {listed}" if listed else "its rows are no mappings"


def _require_numba(setting: str) -> None:
    if find_spec("numba") is None:
        raise UserError(f"{setting} needs the package numba, which is not installed.", "pip install 'danlu[data]'")
