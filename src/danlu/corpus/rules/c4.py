"""C4's rules (Raffel et al. 2020, arXiv 1910.10683, section 2.2), with what its code does beyond the paper: lines that
are no prose are taken out, and then too little may be left.

References in brackets ([12], [edit]) are taken out of lines that stay. What is asked of a line is counted when the text
is read; only the rules of whole documents can be moved afterwards. The paper's list of bad words is not here.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from danlu.corpus.rules.rule import Reading, Rule, Tagged
from danlu.corpus.rules.script import Script
from danlu.corpus.rules.settings import C4
from danlu.corpus.text_batch import TextBatch

if TYPE_CHECKING:
    from danlu.corpus.rules.kernels.line_edits import LineRules

LOREM_IPSUM = "lorem ipsum"
JAVASCRIPT = "javascript"
REFERENCES = ("[edit]", "[citation needed]")
"""Besides numbers, and brackets with nothing in them."""
UNLIMITED = np.iinfo(np.int64).max


def tag(reading: Reading, settings: C4) -> Tagged:
    """Edit, and count sentences in what is left."""
    from danlu.corpus.rules.kernels import line_edits
    from danlu.corpus.rules.kernels.counting import count_sentences

    of_characters = reading.script is Script.CHINESE
    edit = line_edits.edit_lines(
        reading.batch.codes, reading.batch.starts, reading.table, _line_rules(settings, of_characters)
    )
    edited = Reading(TextBatch(edit.codes, edit.starts), reading.script)
    words = edited.words
    sentences = count_sentences(edit.codes, reading.table, words.starts, words.ends, words.text_starts)
    names = {
        "num_lines": line_edits.LINES,
        "lines_with_long_word": line_edits.LONG_WORD,
        "lines_not_closed": line_edits.NOT_CLOSED,
        "lines_with_few_words": line_edits.FEW_WORDS,
        "lines_with_lorem_ipsum": line_edits.LOREM_IPSUM,
        "lines_with_javascript": line_edits.JAVASCRIPT,
        "lines_with_curly_bracket": line_edits.CURLY_BRACKET,
        "lines_with_policy": line_edits.POLICY,
        "lines_kept": line_edits.KEPT,
    }
    tags = {name: edit.counts[:, column].astype(float) for name, column in names.items()}
    return Tagged({**tags, "num_sentences": sentences.astype(float)}, edited)


def rules(settings: C4, script: Script) -> list[Rule]:
    """Of whole documents."""
    s = settings
    return [
        Rule("lines_with_lorem_ipsum", "lorem ipsum", at_most=0 if s.lorem_ipsum else None),
        Rule("lines_with_curly_bracket", "a curly bracket", at_most=0 if s.curly_bracket else None),
        Rule("num_sentences", f"fewer than {s.min_sentences} sentences of prose", at_least=s.min_sentences),
    ]


@lru_cache(maxsize=8)
def _line_rules(settings: C4, of_characters: bool) -> LineRules:
    from danlu.corpus.rules.kernels.line_edits import JAVASCRIPT_BIT, LOREM_BIT, NUM_FIRSTS, LineRules

    phrases = TextBatch.of([LOREM_IPSUM, JAVASCRIPT, *settings.policy_phrases])
    references = TextBatch.of(REFERENCES)
    wanted = LOREM_BIT | (JAVASCRIPT_BIT if settings.javascript else 0)
    if settings.policy:
        wanted |= (1 << len(phrases)) - 1 - LOREM_BIT - JAVASCRIPT_BIT
    firsts = np.zeros(NUM_FIRSTS, np.bool_)
    firsts[phrases.codes[phrases.starts[:-1]] % NUM_FIRSTS] = True
    return LineRules(
        longest_word=UNLIMITED if settings.max_word_length is None else settings.max_word_length,
        least_words=settings.min_words_in_line,
        must_close=settings.closing_mark,
        without_references=settings.references,
        of_characters=of_characters,
        wanted=wanted,
        phrases=phrases.codes,
        phrase_starts=phrases.starts,
        firsts=firsts,
        references=references.codes,
        reference_starts=references.starts,
    )
