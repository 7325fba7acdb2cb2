"""Words are those of spaCy's tokenizer for English: by examples that it was asked for, and against the slow way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_words import slow_words

from danlu.corpus.rules.script import Script
from danlu.corpus.rules.special_words import special_words
from danlu.corpus.rules.words import Words
from danlu.corpus.text_batch import TextBatch


def cut(texts: list[str], script: Script = Script.SPACED) -> list[list[str]]:
    batch = TextBatch.of(texts)
    return Words.of(batch, script).of_texts(batch)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""),
        (" \n\t\u3000 ", ""),
        ("a", "a"),
        ("Hello, world!", "Hello|,|world|!"),
        ("I don't; you can't, she'll've gone.", "I|do|n't|;|you|ca|n't|,|she|'ll|'ve|gone|."),
        ("cannot dont its Its im id", "can|not|do|nt|its|Its|i|m|i|d"),
        ("Mr. Smith's dog (the U.S. one) cost $5.50.", "Mr.|Smith|'s|dog|(|the|U.S.|one|)|cost|$|5.50|."),
        ("well-known, pre-1990 2-3 1990-2000 A-1", "well|-|known|,|pre-1990|2|-|3|1990|-|2000|A-1"),
        ("end...  and....then…", "end|...|and|....|then|…"),
        ("USA. usa. U.S.A. A. a. 5. %. x).", "USA|.|usa|.|U.S.A.|A.|a.|5|.|%|.|x|)|."),
        ("see https://example.com/a-b?c=d. (www.example.org) <mail@example.com>",
         "see|https://example.com/a-b?c=d|.|(|www.example.org|)|<|mail@example.com|>"),
        ("a/b and/or c:d e=f g,h 1,000", "a|/|b|and/or|c|:|d|e|=|f|g|,|h|1,000"),
        ("5km 10kg 50% 3m/s 100USD 20US$ 9am 10p.m.", "5|km|10|kg|50|%|3|m/s|100USD|20|US$|9|am|10|p.m."),
        (":) foo:) :-( 8) (section 8)", ":)|foo|:)|:-(|8)|(|section|8)"),
        ("one.Two three.four five--six seven---eight", "one|.|Two|three.four|five|--|six|seven|---|eight"),
        ("©2020 20° 25°C 🙂ok a🙂b", "©|2020|20|°|25|°|C|🙂|ok|a|🙂|b"),
        ("“Curly” ‘quotes’ «guillemets» it’s don’t", "“|Curly|”|‘|quotes|’|«|guillemets|»|it|’s|do|n’t"),
        ("+1 +a C++ #tag @user _under_ *bold*", "+1|+|a|C++|#|tag|@user|_|under|_|*|bold|*"),
        ("http://10.0.0.1:80/x 8.8.8.8:80", "http://10.0.0.1:80|/|x|8.8.8.8:80"),
        ("丹炉炼丹，成了。 English", "丹炉炼丹，成了|。|English"),
        ("!!!???", "!|!|!|?|?|?"),
        ("20°C.:: °C.::", "20|°|C|.|:|:|°|C|.|:|:"),
    ],
)  # fmt: skip
def test_examples(text: str, words: str) -> None:
    assert cut([text]) == [words.split("|") if words else []]


def test_special_words_stay_as_they_are_said_to_be_cut() -> None:
    words = special_words()
    assert len(words) > 600
    assert cut(list(words)) == [list(pieces) for pieces in words.values()]
    assert all("".join(pieces) == word for word, pieces in words.items())


ALPHABET = "ab Zs019 .,:;'’-–—~…()[]\"“”/=<>+*^$%#@&_!?°€£\n\t🙂é中国。Я"
PIECES = st.one_of(
    st.text(ALPHABET, max_size=6),
    st.sampled_from([" ", "...", "n't", "'s", "http://", "www.", ".com", "US$", "km", "a.m.", ":-)", "and/or", "--"]),
    st.sampled_from(sorted(special_words())),
    st.text(max_size=4),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=4))
def test_words_are_those_of_the_slow_way(texts: list[str]) -> None:
    assert cut(texts) == [slow_words(text) for text in texts]


def test_words_are_where_they_are_said_to_be() -> None:
    texts = ["Don't stop.", "", "a b"]
    batch = TextBatch.of(texts)
    words = Words.of(batch, Script.SPACED)
    assert words.counts.tolist() == [4, 0, 2]
    assert words.of_texts(batch) == [["Do", "n't", "stop", "."], [], ["a", "b"]]
    # Equal words have equal hashes, others do not.
    again = TextBatch.of(["stop a stop b n't"])
    hashes = Words.of(again, Script.SPACED).hashes.tolist()
    assert hashes[0] == hashes[2] == words.hashes[2]
    assert hashes[4] == words.hashes[1]
    assert len(set(hashes)) == 4


@pytest.mark.parametrize("character", ["a", "!", ".", "(", "中", "-", "…", "🙂", "'"])
def test_a_line_of_a_million_characters(character: str) -> None:
    [words] = cut([character * 1_000_000])
    assert "".join(words) == character * 1_000_000


def test_chinese_is_cut_into_characters() -> None:
    text = "丹炉用 Python3.11 写成，真的！カタカナ한국어 e\u0301a"
    expected = "丹|炉|用|Python3|.|11|写|成|，|真|的|！|カ|タ|カ|ナ|한국어|e\u0301a"
    assert cut([text, ""], Script.CHINESE) == [expected.split("|"), []]
