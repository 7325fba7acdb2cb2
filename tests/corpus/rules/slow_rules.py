"""The rules' numbers, counted the slow way from the papers' definitions: strings, lists, sets."""

from __future__ import annotations

import re
from collections import Counter

from danlu.corpus.rules.marks import NO_WORD, spaced_table


def is_word(word: str) -> bool:
    return any(not spaced_table()[ord(character)] & NO_WORD for character in word)


def quality(text: str, words: list[str], stop_words: tuple[str, ...], bullets: str = "•-") -> dict[str, float]:
    real = [word for word in words if is_word(word)]
    lines = text.splitlines()
    starts = [line.lstrip()[:1] for line in lines]
    ends = [line.rstrip() for line in lines]
    return {
        "num_words": len(real),
        "mean_word_length": share(sum(map(len, real)), len(real)),
        "number_signs_per_word": share(text.count("#"), len(words)),
        "ellipses_per_word": share(text.count("...") + text.count("…"), len(words)),
        "bullet_lines": share(sum(start != "" and start in bullets for start in starts), len(lines)),
        "ellipsis_lines": share(sum(end.endswith(("...", "…")) for end in ends), len(lines)),
        "alphabetic_words": share(sum(any(map(str.isalpha, word)) for word in words), len(words)),
        "num_stop_words": len(set(stop_words) & set(words)),
    }


def repetition(text: str, words: list[str], tops: list[int], repeats: list[int], blank: str = " ") -> dict[str, float]:
    paragraphs = re.split(r"\n{2,}", text.strip())
    lines = re.split(r"\n+", text)
    tags: dict[str, float] = {
        "repeated_paragraphs": share(len(again(paragraphs)), len(paragraphs)),
        "repeated_paragraph_characters": share(sum(map(len, again(paragraphs))), len(text)),
        "repeated_lines": share(len(again(lines)), len(lines)),
        "repeated_line_characters": share(sum(map(len, again(lines))), len(text)),
    }
    for n in tops:
        n_grams = [tuple(words[place : place + n]) for place in range(len(words) - n + 1)]
        # Of those that are equally frequent, the first.
        top, count = Counter(n_grams).most_common(1)[0] if n_grams else ((), 0)
        tags[f"top_{n}_gram"] = share(len(blank.join(top)) * count, len(text))
    for n in repeats:
        seen: set[tuple[str, ...]] = set()
        place = characters = 0
        while place + n <= len(words):
            n_gram = tuple(words[place : place + n])
            if n_gram in seen:
                characters += len("".join(n_gram))
                place += n
            else:
                seen.add(n_gram)
                place += 1
        tags[f"repeated_{n}_grams"] = share(characters, len(text))
    return tags


def fineweb(text: str, words: list[str], stops: str, short: int) -> dict[str, float]:
    lines = [line for line in text.split("\n") if line.strip()]
    return {
        "num_lines": len(lines),
        "stopped_lines": share(sum(line[-1] in stops for line in lines), len(lines)),
        "short_lines": share(sum(len(line) <= short for line in lines), len(lines)),
        "repeated_line_characters": share(sum(map(len, again(lines))), len(text.replace("\n", ""))),
        "line_feeds_per_word": share(text.count("\n"), len(words)),
    }


def c4_lines(text: str, policy: tuple[str, ...], least_words: int = 3, longest: int = 1000) -> tuple[str, Counter[str]]:
    """What is left of a text, and how many lines went which way."""
    kept: list[str] = []
    counts: Counter[str] = Counter(num_lines=len(text.splitlines()))
    for line in map(str.strip, text.splitlines()):
        words = line.split()
        line = re.sub(r"\[\d*\]|\[edit\]|\[citation needed\]", "", line)
        small = line.lower()
        if any(len(word) > longest for word in words):
            counts["lines_with_long_word"] += 1
        elif not line.endswith((".", "?", "!", '"', "'")) or line.endswith("..."):
            counts["lines_not_closed"] += 1
        elif len(words) < least_words:
            counts["lines_with_few_words"] += 1
        else:
            counts["lines_with_lorem_ipsum"] += "lorem ipsum" in small
            if "javascript" in small:
                counts["lines_with_javascript"] += 1
                continue
            counts["lines_with_curly_bracket"] += "{" in line
            if any(phrase in small for phrase in policy):
                counts["lines_with_policy"] += 1
                continue
            counts["lines_kept"] += 1
            kept.append(line)
    return "\n".join(kept).strip(), counts


def again(pieces: list[str]) -> list[str]:
    """Those that were there before."""
    return [piece for place, piece in enumerate(pieces) if piece in pieces[:place]]


def share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
