"""FineWeb's counts: lines between line feeds, those that end with a full stop, short ones, repeated ones."""

from __future__ import annotations

import numpy as np

from danlu.corpus.characters import SPACE
from danlu.corpus.compiling import Bits, Codes, Places, kernel
from danlu.corpus.rules.kernels.hashing import OFFSET, PRIME, find_slot, make_seen, mix, num_slots
from danlu.corpus.rules.kernels.repeating import LINE_FEED, count_line_feeds
from danlu.corpus.rules.marks import LINE_STOP


@kernel
def count_whole_lines(codes: Codes, starts: Places, bits: Bits, short: int) -> Places:
    """Of each text: lines with more than white space, of these such that end with a full stop, such of at most `short`
    characters, characters in such as were there before; line feeds. Shape (texts, 5)."""
    counts = np.zeros((len(starts) - 1, 5), np.int64)
    most = 0
    for text in range(len(counts)):
        counts[text, 4] = count_line_feeds(codes, starts[text], starts[text + 1])
        most = max(most, counts[text, 4] + 1)
    seen = make_seen(most)
    for text in range(len(counts)):
        slots = num_slots(counts[text, 4] + 1)
        lines = stopped = shorts = repeated = 0
        start = starts[text]
        end = starts[text + 1]
        while start <= end:
            value = OFFSET
            is_blank = True
            place = start
            while place < end and codes[place] != LINE_FEED:
                value = (value ^ np.uint64(codes[place])) * PRIME
                is_blank &= (bits[codes[place]] & SPACE) != 0
                place += 1
            if not is_blank:
                lines += 1
                stopped += (bits[codes[place - 1]] & LINE_STOP) != 0
                shorts += place - start <= short
                _, known = find_slot(seen, slots, text + 1, mix(value))
                if known:
                    repeated += place - start
            start = place + 1
        counts[text, :4] = lines, stopped, shorts, repeated
    return counts
