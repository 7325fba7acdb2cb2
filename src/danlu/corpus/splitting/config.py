"""What is held out, and what decides on it: ``split`` of ``do: clean``."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from danlu.artifacts.manifest import Strict
from danlu.corpus.documents.template import parse_template
from danlu.corpus.splitting.moments import moment_of

FILE_GROUPS = ("file", "folder")
PROMPT = "prompt"
LABEL = "label"
Date = Annotated[str, BeforeValidator(str)]


class SplitConfig(Strict):
    """What is held out from training."""

    by: Literal["content", "group", "time"] = "content"
    """What decides on the side of a row. content: what it says and the seed, whatever other rows there are. group: what
    it belongs to (`group`), so that all rows of a group are on one side. time: when it is from (`time`), so that what
    is held out is newer than all that is learnt from."""
    validation: float = Field(default=0.0, ge=0, lt=1)
    """Share of rows for validation (0 to 1): expected where they are drawn, exact where `stratified`."""
    test: float = Field(default=0.0, ge=0, lt=1)
    """Share of rows for the test (0 to 1), likewise."""
    seed: int = 0
    """Another seed holds out other rows."""
    group: str | dict[str, str] | None = None
    """With ``by: group``: a template of columns, "{author}"; or file, folder: all documents of a file, or of the files
    of a folder; or, for examples, prompt: all conversations in which the user says the same first; or shell patterns
    for the whole path of files, of which exactly one fits, and the group of each. A row without a group is left out."""
    time: str | None = None
    """With ``by: time``: a template of columns, "{date}" or "{year}-{month}". Known are ISO dates, 2024/1/2,
    2024年1月2日, those of mail, years, and seconds (milli-, micro-, nanoseconds) since 1970. What names no time zone is
    UTC; what names no day is the first. A row without a time is left out."""
    validation_from: Date | None = None
    """With ``by: time``: rows from then on are for validation. null: by the share, the newest but for the test's."""
    test_from: Date | None = None
    """With ``by: time``: rows from then on are for the test. null: by the share, the newest."""
    stratified: str | None = None
    """Hold the shares within each class, to one row: label (the setting of this stage), or a template of columns. Which
    rows they are is drawn by content. A class keeps one row at least to learn from. null: no classes."""
    folds: int | None = Field(default=None, ge=2)
    """Cut the rows into so many parts, of which one is held out: run each by ``fold``. They do not overlap, and cover
    all rows but those of the other side, which may have a share as ever. Works by content, by group, and stratified."""
    fold: int = Field(default=0, ge=0)
    """Which part is held out, from 0 to `folds` - 1."""
    fold_is: Literal["validation", "test"] = "validation"
    """What the part is held out for."""
    keep_together: float | None = Field(default=None, gt=0, le=1)
    """Rows that are so similar as this, as of `deduplicate.near`, are on one side, and so are those similar to them in
    turn: then no test row has a twin among those learnt from. A new row may so change the side of others. null: near
    duplicates that stay may be on different sides."""

    @field_validator("group", "time", "stratified")
    @classmethod
    def _is_a_template(cls, setting: str | dict[str, str] | None) -> str | dict[str, str] | None:
        if isinstance(setting, str) and setting not in (*FILE_GROUPS, PROMPT, LABEL):
            parse_template(setting)
        return setting

    @field_validator("validation_from", "test_from")
    @classmethod
    def _is_a_time(cls, date: str | None) -> str | None:
        if date is not None:
            moment_of(date)
        return date

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation ({self.validation}) and test ({self.test}) leave nothing to train on")
        problem = self._of_another_way() or self._of_folds() or self._of_dates()
        if problem is None and self._is_special and not self.holds_out:
            problem = "nothing is held out: give validation or test (shares), or folds"
        if problem:
            raise ValueError(problem)
        return self

    @property
    def holds_out(self) -> bool:
        return bool(self.wanted)

    @property
    def wanted(self) -> dict[str, float | None]:
        """The sides that are held out, with the share of each; None where dates decide."""
        if self.has_dates:
            dates = {"validation": self.validation_from, "test": self.test_from}
            return {side: None for side, date in dates.items() if date is not None}
        shares = {"validation": self.validation, "test": self.test}
        if self.folds is not None:
            shares[self.fold_is] = (1 - self.apart) / self.folds
        return {side: share for side, share in shares.items() if share}

    @property
    def apart(self) -> float:
        """With folds, the share of the other side, whose rows are in none of them."""
        return self.validation + self.test

    @property
    def has_dates(self) -> bool:
        return self.validation_from is not None or self.test_from is not None

    @property
    def _is_special(self) -> bool:
        return self.by != "content" or self.stratified is not None or self.keep_together is not None

    def _changed(self, *names: str) -> list[str]:
        """Those that are not as they are by themselves."""
        return [name for name in names if getattr(self, name) != type(self).model_fields[name].default]

    def _of_another_way(self) -> str | None:
        """A setting that another one leaves without effect."""
        if (self.by == "group") != (self.group is not None):
            return "by: group and group go together"
        words = (*FILE_GROUPS, PROMPT)
        if self.group == LABEL or self.time in (*words, LABEL) or self.stratified in words:
            return "write columns in braces: {author}"
        if (self.by == "time") != (self.time is not None):
            return "by: time and time go together"
        if self.has_dates and self.by != "time":
            return "validation_from and test_from go with by: time"
        drawn = self._changed("seed", "folds", "keep_together")
        if self.by == "time" and drawn:
            return f"{drawn[0]} has no effect with by: time, which draws nothing"
        if self.stratified is not None and self.by != "content":
            return f"stratified goes with by: content, not with by: {self.by}"
        if self.stratified is not None and self.keep_together is not None:
            return "stratified and keep_together do not go together: shares cannot be exact then"
        return None

    def _of_folds(self) -> str | None:
        if self.folds is None:
            unused = self._changed("fold", "fold_is")
            return f"{unused[0]} goes with folds" if unused else None
        if self.fold >= self.folds:
            return f"fold ({self.fold}) is counted from 0, so it is at most {self.folds - 1} with folds: {self.folds}"
        if self.validation if self.fold_is == "validation" else self.test:
            return f"{self.fold_is} has no effect with folds, of which one is the {self.fold_is} side"
        return None

    def _of_dates(self) -> str | None:
        if not self.has_dates:
            return None
        if self.validation or self.test:
            return "give dates (validation_from, test_from) or shares (validation, test), not both"
        dates = [date for date in (self.validation_from, self.test_from) if date is not None]
        if len(dates) == 2 and moment_of(dates[0]) >= moment_of(dates[1]):
            return f"validation_from ({dates[0]}) is not before test_from ({dates[1]})"
        return None
