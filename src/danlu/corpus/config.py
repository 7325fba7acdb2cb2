"""Settings of ``do: clean``."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from danlu.artifacts.manifest import Strict
from danlu.artifacts.stage import Reference, SourceList, StageConfig
from danlu.corpus.decontamination.config import DecontaminateConfig
from danlu.corpus.documents.template import parse_template
from danlu.corpus.personal.config import PersonalConfig
from danlu.corpus.rights.config import Rights
from danlu.corpus.rules.config import RulesConfig
from danlu.corpus.splitting.config import LABEL, PROMPT, SplitConfig
from danlu.corpus.tagging.config import BoilerplateConfig, LanguageConfig, ScoreBounds, ToxicityConfig, UnicodeConfig
from danlu.errors import UserError

ONLY_FOR = {
    "examples": ("format", "columns", "system"),
    "corpus": (
        "include",
        "exclude",
        "documents",
        "text",
        "label",
        "score",
        "chinese",
        "matching",
        "unicode",
        "boilerplate",
        "language",
        "quality",
        "scorers",
        "toxicity",
        "toxic_words",
    ),
}
"""Settings that only one of the two kinds knows."""

AGAINST = "deduplicate.against"
"""The reference, as the stage's inputs name it."""

FormatName = Literal["auto", "alpaca", "sharegpt", "messages", "prompt_completion", "preference", "kto"]


class SemanticConfig(Strict):
    """Documents and conversations that say nearly the same, in other words perhaps."""

    INPUT: ClassVar[str] = "deduplicate.semantic.embeddings"
    """The reference, as the stage's inputs name it."""

    embeddings: Annotated[str, Reference(("model",))]
    """A stage or artifact with an encoder (BERT) that was trained for embeddings, such as all-MiniLM-L6-v2; the mean
    over tokens is taken. One that was only trained to guess tokens finds everything alike."""
    at_least: float = Field(default=0.95, gt=0, le=1)
    """Leave out what has a cosine similarity of at least this with something earlier that stays. What that means
    depends on the model: look at what is left out, in dropped.parquet."""
    max_tokens: int = Field(default=256, ge=8)
    """So many tokens are looked at, from the beginning; fewer if the model sees fewer."""

    @field_validator("embeddings", mode="before")
    @classmethod
    def _as_a_manifest_has_it(cls, embeddings: Any) -> Any:
        """There references are lists."""
        return embeddings[0] if isinstance(embeddings, list) and len(embeddings) == 1 else embeddings


class DeduplicateConfig(Strict):
    """Which repeated conversations or documents are left out. The first in the order of the sources stays."""

    exact: bool = True
    """Leave out what is equal after Unicode normalisation (NFKC) with white space run together."""
    near: float | None = Field(default=None, gt=0, le=1)
    """Leave out what has a Jaccard similarity with something earlier, over character 5-grams, of at least
    this (0 to 1). null: do not look. The extra data has what it needs."""
    against: Annotated[str | list[str], Reference(("corpus", "examples"))] = Field(default_factory=list)
    """Stages or artifacts of the same kind, or parts of them (``rows.test``). What repeats something in there as a
    whole is left out, too; they themselves are not changed."""
    paragraphs: int | None = Field(default=None, ge=1)
    """For a corpus: take paragraphs (parted by empty lines) out of documents that stand in the corpus more often than
    this, counted over all documents and within them, and equal as `exact` compares: the first so many stay, in the
    order of the sources. 1 leaves each paragraph once, as CCNet does. Exact duplicates are left out before; near ones
    are looked for in what is left. Each cut is listed in cuts.parquet. null: do not look."""
    lines: int | None = Field(default=None, ge=1)
    """For a corpus: likewise lines, in what `paragraphs` left. Menus, notices and headers that stand on each page of a
    site go with 5 or so; with 1 each line stands in the corpus once, which also takes out what people write again and
    again. null: do not look."""
    min_line_characters: int = Field(default=10, ge=1)
    """Lines and paragraphs with fewer characters than this stay, as do those without a letter or digit: they hold
    texts together, such as brackets of code, rules of tables, or short answers."""
    substrings: int | None = Field(default=None, ge=20)
    """For a corpus: take passages of at least so many characters out that stand somewhere earlier, letter for letter,
    in the same document or another; where they stand first they stay. 200 is about the 50 tokens of the paper on this
    (Lee et al. 2022, arXiv:2107.06499) for English, 80 for Chinese. In what `paragraphs` and `lines` left, and not
    across what they took out. null: do not look."""

    semantic: SemanticConfig | None = None
    """Leave out what says nearly the same as something earlier, by embeddings: {embeddings: encoder, at_least: 0.95}.
    It comes last, and takes longest: with all-MiniLM-L6-v2 some ten documents a second on a core. null: do not look."""

    @model_validator(mode="after")
    def _ignore_nothing(self) -> Self:
        is_told = self.min_line_characters != type(self).model_fields["min_line_characters"].default
        if is_told and self.lines is None and self.paragraphs is None:
            raise ValueError("min_line_characters says which lines and paragraphs stay, and neither is looked for")
        if self.against and not self.exact and self.near is None:
            raise ValueError("against: nothing is looked for, since exact is false and near is null")
        return self

    @property
    def cuts_texts(self) -> bool:
        """Whether anything is taken out of documents."""
        return any(each is not None for each in (self.lines, self.paragraphs, self.substrings))


class CleanConfig(StageConfig):
    """Raw files -> examples (conversations) or a corpus (documents), clean and split."""

    model_config = ConfigDict(populate_by_name=True)
    NOT_IN_ID: ClassVar[frozenset[str]] = frozenset({"processes", "run_on"})
    RESTATED: ClassVar[frozenset[str]] = frozenset({"rights"})

    do: Literal["clean"] = "clean"
    into: Literal["examples", "corpus"] = "examples"
    """examples: rows of the sources are conversations. corpus: rows and text files are documents."""
    from_: Annotated[str | list[str], SourceList("all")] = Field(alias="from")
    """URIs of files, or of directories whose files are read in order of their names. All are read, in this order.
    Rows: .json, .jsonl, .ndjson, .csv, .tsv, .parquet, .arrow, .feather. For a corpus also .txt, .md, .rst, .html,
    .pdf, .docx, .epub, .eml, .mbox and .warc. All also packed, as .gz, .zst, .bz2 or .xz, and in archives, .zip and
    .tar (which may be packed: .tar.gz, .tgz); what is in one is called archive.zip!/path. Text is in UTF-8, or in
    another encoding that can be told. Rows of a database: "sql:sqlite:///posts.db#SELECT text FROM posts ORDER BY id",
    or "sql:$POSTS#SELECT ..." where the environment variable POSTS holds SQLAlchemy's URL, the only place for a
    password."""
    format: FormatName = "auto"
    """For examples: how a conversation is written in a row. auto: judged for each file by the names of its columns."""
    columns: dict[str, str] = Field(default_factory=dict)
    """For examples: columns to rename before a row is read: name in the file -> name the format knows."""
    system: str | None = None
    """For examples: system prompt for conversations that have none."""
    include: list[str] = Field(default_factory=list)
    """For a corpus: which files of directories and archives are read, as shell patterns (* ? [...]) for their whole
    path below the directory ("*.txt", "old/archive.zip!/*"); * also stands for slashes. Empty: all."""
    exclude: list[str] = Field(default_factory=list)
    """For a corpus: which files of directories are not read, of those `include` leaves; patterns likewise."""
    documents: Literal["file", "paragraphs", "lines"] = "file"
    """For a corpus: what is a document in text files (.txt, .md, .rst). paragraphs: parted by empty lines."""
    text: str | list[str] | None = None
    """For a corpus: how a row becomes text, with columns in braces: "{title}\\n{paragraphs}". Items of a list come
    one a line. A row that lacks one of the columns is left out. Where files have different columns, a list of such: of
    each file the first is taken whose columns it has. null: the column text, or else content."""
    label: str | dict[str, str] | None = None
    """For a corpus: the class of each document, for a classifier. By row: a template as in `text`, "{dynasty}". By
    file: shell patterns for its whole path, of which exactly one fits, and the class of each: {"*/poet.tang.*": tang,
    "*/poet.song.*": song}. A document without a class is left out. null: there are no classes."""
    score: str | None = None
    """For a corpus: a column with a number for each row, which goes along with the document, so that training can take
    documents in its order (`curriculum`). A row without it is left out. null: none."""
    chinese: Literal["simplified", "traditional"] | None = None
    """For a corpus: convert Chinese characters, with OpenCC. null: leave them as they are."""
    matching: str | None = None
    """For a corpus: leave out documents whose whole text does not match this regular expression (Python's; . is any
    character but a line feed). It is matched after `chinese` and `replace`. null: keep all."""
    replace: dict[str, str] = Field(default_factory=dict)
    """Text to replace: what is written -> what shall stand there. All at once, longer ones first."""
    min_characters: int = Field(default=0, ge=0)
    """Leave out conversations (all turns together) or documents with fewer characters than this."""
    max_characters: int | None = Field(default=None, ge=1)
    """Leave out conversations (all turns together) or documents with more characters than this. null: no limit."""
    unicode: UnicodeConfig | None = None
    """For a corpus: mend broken encodings, invisible characters, full-width letters and superfluous blanks; ``unicode:
    {}`` for all but NFKC. It comes after `matching`, before all that judges. null: only what is always done."""
    boilerplate: BoilerplateConfig | None = None
    """For a corpus: take out lines that belong to the page and not to the text, as ``{where: ends}``; ``boilerplate:
    {}`` is the same. It comes before `language`. null: all lines stay."""
    language: LanguageConfig | None = None
    """For a corpus: which languages stay, as ``{keep: [zh, en], at_least: 0.5}``; ``language: {}`` only writes down the
    language of each document. It comes before `quality`. null: it is not told."""
    quality: RulesConfig | None = None
    """For a corpus: rules by which texts are judged, and lines taken out of them; ``quality: {}`` for all of them with
    the thresholds of their papers. It comes after `matching`. null: none."""
    scorers: Annotated[dict[str, ScoreBounds] | None, Reference(("scorer",), named=True)] = None
    """For a corpus: train_scorer stages, or artifacts of kind scorer, that score each document, and which scores stay:
    ``{fluent: {at_most: 30}, like_books: {at_least: 0.5}}``. ``fluent: {}`` only writes down the score. It comes after
    `quality`. null: none."""
    toxicity: ToxicityConfig | None = None
    """For a corpus: offensive words are counted, and documents with many left out, as ``{max_matches: 3}``; ``toxicity:
    {}`` only writes down the counts. It comes after `scorers`. null: they are not looked for."""
    toxic_words: Annotated[str | list[str] | None, SourceList("all")] = None
    """For a corpus: files of your own words for `toxicity`: UTF-8, a word or phrase on each line. null: none."""
    decontaminate: DecontaminateConfig | None = None
    """Leave out what holds rows that models are evaluated on: ``decontaminate: {against: [exam.test]}``. null: do not
    look."""
    personal: PersonalConfig | None = None
    """What says who somebody is (numbers, addresses, names, secrets) and what is written in its place; ``personal: {}``
    masks all kinds. Each find is listed in personal.parquet, without its value. Titles and addresses that hold any are
    left out as a whole, unlisted. Hashes and pseudonyms need a key in DANLU_PERSONAL_KEY, which is no part of the
    artifact's id. null: nothing is looked for."""
    deduplicate: DeduplicateConfig = DeduplicateConfig()
    """Repeated conversations or documents."""
    split: SplitConfig = SplitConfig()
    """What is held out from training, and what decides on it."""
    rights: dict[str, Rights] = Field(default_factory=dict)
    """Who may use what: shell patterns for the whole paths of files -> what is stated of them, {"*/news/*": {licence:
    CC-BY-4.0, consent: "contract of 2024", origin: "Example News", collected: 2024-05}}. The first pattern that fits
    counts. The artifact keeps what was said last; another statement makes no other artifact."""
    licences_allowed: list[str] | None = None
    """Leave out files whose licence, as stated under `rights`, is none of these. null: all are read."""
    processes: int | None = Field(default=None, ge=1)
    """How many work on it at the same time; what comes out is the same. null: as many as there are cores."""
    run_on: Literal["local", "ray"] = "local"
    """Where they work; what comes out is the same. local: processes of this machine. ray: the Ray cluster of
    RAY_ADDRESS, or one that is started on this machine; sources and the workspace must lie where all its nodes see
    them."""

    @property
    def kind(self) -> str:
        return self.into

    @property
    def templates(self) -> list[str]:
        """Of `text`, in the order in which they are tried."""
        return [self.text] if isinstance(self.text, str) else self.text or []

    @property
    def wants_signatures(self) -> bool:
        """Whether anything looks for what is nearly alike."""
        return self.deduplicate.near is not None or self.split.keep_together is not None

    def settings_in_id(self, settings: dict[str, Any]) -> dict[str, Any]:
        """What is stated of sources counts only where it decides what is read."""
        left_out = {"rights"} if self.licences_allowed is None else set()
        return {name: value for name, value in super().settings_in_id(settings).items() if name not in left_out}

    @field_validator("text", "label")
    @classmethod
    def _is_a_template(cls, text: str | list[str] | dict[str, str] | None) -> str | list[str] | dict[str, str] | None:
        if text == []:
            raise ValueError("there is no template in the list")
        for template in [text] if isinstance(text, str) else text if isinstance(text, list) else []:
            parse_template(template)
        return text

    @field_validator("matching")
    @classmethod
    def _is_a_regular_expression(cls, matching: str | None) -> str | None:
        try:
            re.compile(matching or "")
        except re.error as error:
            raise ValueError(f"{matching!r} is no regular expression: {error}") from None
        return matching

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if "" in self.replace:
            raise ValueError("replace: there is nothing to look for in an empty text")
        if self.max_characters is not None and self.max_characters < self.min_characters:
            raise ValueError(f"max_characters ({self.max_characters}) is below min_characters ({self.min_characters})")
        if self.split.group == PROMPT and self.into == "corpus":
            raise ValueError("split.group: prompt goes with into: examples; documents have no prompt")
        if self.split.stratified == LABEL and self.label is None:
            raise ValueError("split.stratified: label needs label; or write a template of columns, such as {topic}")
        if self.split.stratified is not None and not self.deduplicate.exact:
            raise ValueError("split.stratified needs deduplicate.exact: equal rows could come to different sides")
        if self.toxic_words and self.toxicity is None:
            raise ValueError("toxic_words does nothing without toxicity; write toxicity: {} beside it")
        if self.into == "examples" and self.deduplicate.cuts_texts:
            raise UserError(
                "deduplicate: lines, paragraphs and substrings go with 'into: corpus', and this stage makes examples.",
                "Remove them, or write into: corpus.",
            )
        for setting in self._of_the_other_kind():
            if setting in self.model_fields_set:
                other = "corpus" if self.into == "examples" else "examples"
                raise UserError(
                    f"{setting} goes with 'into: {other}', and this stage says 'into: {self.into}'.",
                    f"Remove {setting}, or write into: {other}.",
                )
        return self

    @model_serializer(mode="wrap")
    def _only_what_counts(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Settings of the other kind are no part of the artifact's identity; `into` stands in its kind."""
        left_out = {"into", *self._of_the_other_kind()}
        return {name: value for name, value in dump(self).items() if name not in left_out}

    def _of_the_other_kind(self) -> tuple[str, ...]:
        return ONLY_FOR["corpus" if self.into == "examples" else "examples"]
