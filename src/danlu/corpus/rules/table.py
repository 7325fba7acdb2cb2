"""All sets of rules. Each has settings for both scripts in `danlu.corpus.rules.config.RulesConfig`."""

from __future__ import annotations

from danlu.corpus.rules import c4, fineweb_quality, gopher_quality, gopher_repetition
from danlu.corpus.rules.rule import RuleSet

SETS: dict[str, RuleSet] = {
    each.name: each
    for each in (
        RuleSet("gopher_repetition", 1, gopher_repetition.tag, gopher_repetition.rules),
        RuleSet("gopher_quality", 1, gopher_quality.tag, gopher_quality.rules),
        RuleSet("c4", 1, c4.tag, c4.rules),
        RuleSet("fineweb_quality", 1, fineweb_quality.tag, fineweb_quality.rules),
    )
}
