"""What can be counted in one go through a text: scripts, symbols, lines, words of some kind, clauses, sentences."""

from __future__ import annotations

import numpy as np

from danlu.corpus.characters import HAN, KANA, LETTER, LINE_END, PUNCTUATION, SENTENCE_END, SPACE
from danlu.corpus.compiling import Bits, Codes, Hashes, Places, kernel
from danlu.corpus.rules.kernels.hashing import LookUp, find_row
from danlu.corpus.rules.marks import BULLET, NO_WORD

STOP = ord(".")
ELLIPSIS = ord("…")
NUMBER = ord("#")
RETURN = ord("\r")
LINE_FEED = ord("\n")
BLANK = ord(" ")


@kernel
def count_scripts(codes: Codes, starts: Places, bits: Bits) -> Places:
    """Letters, of these Han, of these kana, of each text; shape (texts, 3)."""
    counts = np.zeros((len(starts) - 1, 3), np.int64)
    for text in range(len(starts) - 1):
        letters = han = kana = 0
        for place in range(starts[text], starts[text + 1]):
            kind = bits[codes[place]]
            if kind & LETTER:
                letters += 1
                if kind & HAN:
                    han += 1
                elif kind & KANA:
                    kana += 1
        counts[text] = letters, han, kana
    return counts


@kernel
def count_words(
    codes: Codes,
    bits: Bits,
    word_starts: Places,
    word_ends: Places,
    hashes: Hashes,
    first_words: Places,
    stop_words: LookUp,
) -> Places:
    """Of each text: words that are not only marks, their characters, words with a letter, different stop words."""
    counts = np.zeros((len(first_words) - 1, 4), np.int64)
    for text in range(len(first_words) - 1):
        words = characters = with_letter = 0
        stop_words_seen = np.int64(0)
        for word in range(first_words[text], first_words[text + 1]):
            seen = all_bits = bits[codes[word_starts[word]]]
            place = word_starts[word] + 1
            while place < word_ends[word] and (all_bits & NO_WORD or not seen & LETTER):
                kind = bits[codes[place]]
                seen |= kind
                all_bits &= kind
                place += 1
            if seen & LETTER:
                with_letter += 1
            if not all_bits & NO_WORD:
                words += 1
                characters += word_ends[word] - word_starts[word]
                row = find_row(stop_words, hashes[word])
                if row >= 0:
                    stop_words_seen |= np.int64(1) << row
        while stop_words_seen:
            stop_words_seen &= stop_words_seen - 1
            counts[text, 3] += 1
        counts[text, :3] = words, characters, with_letter
    return counts


@kernel
def count_symbols_and_lines(codes: Codes, starts: Places, bits: Bits) -> Places:
    """Of each text: number signs, ellipses, lines, lines that begin with a bullet, lines that end with an ellipsis."""
    counts = np.zeros((len(starts) - 1, 5), np.int64)
    for text in range(len(starts) - 1):
        numbers = ellipses = lines = bullets = unfinished = 0
        place = line = starts[text]
        end = starts[text + 1]
        first = last = -1  # of the line's characters that are no white space
        stops = 0
        while place <= end:
            code = codes[place] if place < end else np.uint32(LINE_FEED)
            kind = bits[code]
            if code == STOP:
                stops += 1
                if stops == 3:
                    ellipses += 1
                    stops = 0
            else:
                stops = 0
                if code == NUMBER:
                    numbers += 1
                elif code == ELLIPSIS:
                    ellipses += 1
            if kind & LINE_END:
                if place < end or place > line:
                    lines += 1
                    if first >= 0:
                        bullets += (bits[codes[first]] & BULLET) != 0
                        dots = last - first >= 2 and codes[last] == codes[last - 1] == codes[last - 2] == STOP
                        unfinished += dots or codes[last] == ELLIPSIS
                if code == RETURN and place + 1 < end and codes[place + 1] == LINE_FEED:
                    place += 1
                line = place + 1
                first = last = -1
            elif not kind & SPACE:
                if first < 0:
                    first = place
                last = place
            place += 1
        counts[text] = numbers, ellipses, lines, bullets, unfinished
    return counts


@kernel
def count_clauses(codes: Codes, starts: Places, bits: Bits) -> Places:
    """Stretches without a mark or white space, and their characters, of each text; shape (texts, 2)."""
    counts = np.zeros((len(starts) - 1, 2), np.int64)
    for text in range(len(starts) - 1):
        clauses = characters = 0
        inside = False
        for place in range(starts[text], starts[text + 1]):
            if bits[codes[place]] & (NO_WORD | SPACE):
                inside = False
            else:
                characters += 1
                if not inside:
                    clauses += 1
                inside = True
        counts[text] = clauses, characters
    return counts


@kernel
def count_sentences(
    codes: Codes,
    bits: Bits,
    word_starts: Places,
    word_ends: Places,
    first_words: Places,
) -> Places:
    """Sentences of each text, each line by itself: a new one begins at the first word that is not punctuation after a
    mark that ends one. So does white space of more than one blank, which spaCy takes for a word."""
    counts = np.zeros(len(first_words) - 1, np.int64)
    for text in range(len(counts)):
        sentences = 0
        ended = False
        for word in range(first_words[text], first_words[text + 1]):
            new_line = word == first_words[text]
            if not new_line:
                gap, gap_end = word_ends[word - 1], word_starts[word]
                for place in range(gap, gap_end):
                    new_line |= codes[place] == LINE_FEED
                if ended and not new_line and (gap_end - gap > 1 or (gap_end > gap and codes[gap] != BLANK)):
                    sentences += 1
                    ended = False
            if new_line:
                sentences += 1
                ended = False
            all_bits = bits[codes[word_starts[word]]]
            ends_sentence = word_ends[word] - word_starts[word] == 1 and all_bits & SENTENCE_END
            for place in range(word_starts[word] + 1, word_ends[word]):
                all_bits &= bits[codes[place]]
            if ends_sentence:
                ended = True
            elif ended and not all_bits & PUNCTUATION:
                sentences += 1
                ended = False
        counts[text] = sentences
    return counts
