"""Languages of texts: sentences of known languages, what is looked at of long texts, and what stays."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from danlu.corpus.config import CleanConfig
from danlu.corpus.tagging.config import LanguageConfig
from danlu.corpus.tagging.language import SAMPLE, LanguageJudge, sample
from danlu.errors import UserError

SENTENCES = {
    "en": "The furnace stood in the corner of the workshop, and nobody had lit it for years.",
    "zh": "炼丹炉放在作坊的角落里，已经很多年没有人点过火了。",
    "fr": "Le four se trouvait dans un coin de l'atelier et personne ne l'avait allumé depuis des années.",
    "de": "Der Ofen stand in der Ecke der Werkstatt, und seit Jahren hatte ihn niemand angezündet.",
    "ja": "その炉は工房の隅に置かれていて、何年も誰も火をつけていなかった。",
    "ko": "그 화로는 작업장 구석에 놓여 있었고 몇 년 동안 아무도 불을 피우지 않았다.",
    "ru": "Печь стояла в углу мастерской, и никто не зажигал её уже много лет.",
}
TRADITIONAL = "煉丹爐放在作坊的角落裡，已經很多年沒有人點過火了。"


def test_sentences_are_told_right() -> None:
    judgement = LanguageJudge(LanguageConfig()).judge([*SENTENCES.values(), TRADITIONAL])
    assert judgement.tags["language@1/language"] == [*SENTENCES, "zh"]
    probabilities = np.asarray(judgement.tags["language@1/probability"])
    assert ((probabilities > 0.5) & (probabilities <= 1)).all()
    assert judgement.reasons == [None] * 8
    assert judgement.texts == [*SENTENCES.values(), TRADITIONAL]


def test_what_is_not_kept_has_its_reason() -> None:
    judge = LanguageJudge(LanguageConfig(keep=("zh", "en"), at_least=0.6))
    judgement = judge.judge([SENTENCES["fr"], SENTENCES["zh"], "12 34", SENTENCES["en"].upper()])
    assert judgement.reasons == [
        "language@1: it is fr, not zh or en",
        None,
        "language@1: it is en with a probability under 0.6",  # the model's answer to what has no letters
        None,
    ]


def test_a_text_is_told_by_itself() -> None:
    texts = [*SENTENCES.values()]
    judge = LanguageJudge(LanguageConfig())
    together = judge.judge(texts).tags["language@1/probability"]
    assert [judge.judge([text]).tags["language@1/probability"][0] for text in texts] == list(together)


def test_of_a_long_text_beginning_middle_and_end_are_looked_at() -> None:
    text = "a" * 5000 + "b" * 2000 + "c" * 5000
    assert sample(text) == f"{'a' * SAMPLE} {'b' * SAMPLE} {'c' * SAMPLE}"
    assert sample("one\ntwo\n\n three") == "one two three"
    assert len(sample("一" * 1_000_000)) == 3 * SAMPLE + 2


def test_an_unknown_language_is_an_error_of_the_recipe() -> None:
    with pytest.raises(ValidationError, match="cn: no language that can be told; known are af, als"):
        LanguageConfig(keep=("zh", "cn"))
    with pytest.raises(UserError, match="language goes with 'into: corpus'"):
        CleanConfig.model_validate({"from": ["x"], "into": "examples", "language": {}})
