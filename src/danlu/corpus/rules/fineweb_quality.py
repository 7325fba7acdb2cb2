"""FineWeb's own rules (Penedo et al. 2024, arXiv 2406.17557, section 3.6): is this prose, or a list or a menu?"""

from __future__ import annotations

from danlu.corpus.rules.rule import Reading, Rule, Tagged, ratio, unit
from danlu.corpus.rules.script import Script
from danlu.corpus.rules.settings import FineWebQuality


def tag(reading: Reading, settings: FineWebQuality) -> Tagged:
    """Everything the rules ask for."""
    from danlu.corpus.rules.kernels.whole_lines import count_whole_lines

    batch = reading.batch
    lines, stopped, short, repeated, line_feeds = count_whole_lines(
        batch.codes, batch.starts, reading.table, settings.short_line
    ).T
    return Tagged(
        {
            "num_lines": lines.astype(float),
            "stopped_lines": ratio(stopped, lines),
            "short_lines": ratio(short, lines),
            "repeated_line_characters": ratio(repeated, batch.lengths - line_feeds),
            "line_feeds_per_word": ratio(line_feeds, reading.words.counts),
        }
    )


def rules(settings: FineWebQuality, script: Script) -> list[Rule]:
    """In datatrove's order."""
    s = settings
    return [
        Rule("num_lines", "nothing but white space", at_least=1),
        Rule("stopped_lines", "too few lines end a sentence", at_least=s.min_stopped_lines),
        Rule("short_lines", f"too many lines of at most {s.short_line} characters", at_most=s.max_short_lines),
        Rule("repeated_line_characters", "text in lines that repeat", at_most=s.max_repeated_line_characters),
        Rule("line_feeds_per_word", f"too few {unit(script)} in a line", at_most=s.max_line_feeds),
    ]
