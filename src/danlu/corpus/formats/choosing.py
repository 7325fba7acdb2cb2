"""Which blocks of a page are its main text.

Text counts as far as it reads like text: with sentences, outside links, outside elements that call themselves something
else. The main element is the smallest that holds nearly all of what counts; in it, what is mostly links and what looks
like a notice about the text is left out, and the title is put before it if it stands elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from danlu.corpus.formats.blocks import HEADINGS, SENTENCE, Block, Page
from danlu.corpus.formats.hints import COMMENTS, DATE_LINE, HEADER, META, META_LINE, NEVER, OTHER, OTHER_HEADING

MAIN_SHARE = 0.8
"""Of what counts as text, which the main element must hold."""
HELD_ANYWAY = 0.5
"""An element that holds more than this share of the text is not passed over because of its name."""
SHORT = 120
"""Weight up to which a block may be a notice."""
SHORT_META = 300
"""Weight up to which an element whose name promises an author or a date is taken at its word."""
LINKS = 0.5
"""Share of links from which something is navigation."""
LISTING = 3
"""Times the weight of the text, from which on links are what a page is about."""
TITLE_WEIGHT = 20
"""Of a link to a text, at least; words of navigation are shorter."""

SINGLE = frozenset({"p", "section", "li", "pre", "blockquote", "dd", "dt", "ul", "ol", "dl", "tr", *HEADINGS})
"""Elements that are a part of a text and not all of it."""


@dataclass(slots=True)
class _Sums:
    """Of elements, with all that is in them."""

    counts: list[float]
    weights: list[int]
    link_weights: list[int]


def choose(page: Page, *, comments: bool) -> list[Block]:
    """The blocks of the main text, in order."""
    blocks = page.blocks
    if not blocks:
        return []
    counts = [_count(block, page.names[block.element]) for block in blocks]
    passed_over = _passed_over(page, counts, OTHER | HEADER if comments else OTHER | HEADER | COMMENTS)
    counts = [0.0 if passed_over[block.element] else count for block, count in zip(blocks, counts, strict=True)]
    sums = _sum(page, counts)
    ends = _ends(page.parents)
    kept: list[int] = []
    if sums.counts[0] > 0:
        main = _main_element(page, sums.counts)
        kept = _keep(page, main, ends, _other_parts(page, sums, main, ends, passed_over))
    kept = _listing(page, passed_over, ends, LISTING * sum(blocks[number].weight for number in kept)) or kept
    return _with_title(page, kept, passed_over)


def _count(block: Block, name: str) -> float:
    """How much a block counts as text."""
    if block.is_code:
        return 0.5 * block.weight
    own = max(0, block.weight - block.link_weight) * (1 - block.link_share)
    if name in HEADINGS:
        return 0.2 * own
    sentences = len(SENTENCE.findall(block.text, 0, 400))
    if not sentences:
        return 0.15 * own if block.weight < 200 else 0.5 * own
    return own if block.weight >= 60 else 0.4 * own


def _passed_over(page: Page, counts: list[float], flags: int) -> list[int]:
    """By element, the flags of the outermost that it stands in and that is named as something else; 0 if there is none.

    What holds a large part of the text is not passed over, whatever it is called.
    """
    parents, hints = page.parents, page.hints
    passed_over = [0] * len(parents)
    sums = _sum(page, counts)
    limit = HELD_ANYWAY * sums.counts[0]
    for element in range(1, len(parents)):
        outer = passed_over[parents[element]]
        if outer:
            passed_over[element] = outer
        elif hints[element] & NEVER or (hints[element] & META and sums.weights[element] <= SHORT_META):
            passed_over[element] = OTHER
        elif hints[element] & flags and sums.counts[element] <= limit:
            passed_over[element] = hints[element] & flags
    return passed_over


def _sum(page: Page, counts: list[float]) -> _Sums:
    size = len(page.parents)
    sums = _Sums([0.0] * size, [0] * size, [0] * size)
    for block, count in zip(page.blocks, counts, strict=True):
        sums.counts[block.element] += count
        sums.weights[block.element] += block.weight
        sums.link_weights[block.element] += block.link_weight
    for element in range(size - 1, 0, -1):  # children have higher numbers
        parent = page.parents[element]
        sums.counts[parent] += sums.counts[element]
        sums.weights[parent] += sums.weights[element]
        sums.link_weights[parent] += sums.link_weights[element]
    return sums


def _main_element(page: Page, counts: list[float]) -> int:
    """The innermost element with nearly all of what counts, but not a single paragraph: its neighbours belong to it.

    Elements with more than half stand one in the other, so the last one is the innermost.
    """
    main = 0
    for element in range(1, len(counts)):
        if counts[element] >= MAIN_SHARE * counts[0]:
            main = element
    while page.names[main] in SINGLE:
        main = page.parents[main]
    return main


def _listing(page: Page, passed_over: list[int], ends: list[int], least: int) -> list[int]:
    """Numbers of the blocks of the list that the page consists of, if its links weigh more than `least`.

    Links of navigation are shorter than titles.
    """
    counts = [
        float(block.weight)
        if block.link_share > LINKS and block.weight >= TITLE_WEIGHT and not passed_over[block.element]
        else 0.0
        for block in page.blocks
    ]
    if sum(counts) <= least:
        return []
    main = _main_element(page, _sum(page, counts).counts)
    return [
        number
        for number, block in enumerate(page.blocks)
        if main <= block.element < ends[main] and not passed_over[block.element] and not META_LINE.match(block.text)
    ]


def _ends(parents: list[int]) -> list[int]:
    """By element, the number behind the last element in it."""
    ends = list(range(1, len(parents) + 1))
    for element in range(len(parents) - 1, 0, -1):
        parent = parents[element]
        ends[parent] = max(ends[parent], ends[element])
    return ends


def _other_parts(page: Page, sums: _Sums, main: int, ends: list[int], passed_over: list[int]) -> list[bool]:
    """By element, whether it is left out: passed over, made of links, or under a heading that says so."""
    dropped = [flags > 0 for flags in passed_over]
    total = sums.counts[0]
    for element in range(main + 1, ends[main]):
        if dropped[page.parents[element]] and page.parents[element] != main:
            dropped[element] = True
        elif not dropped[element] and page.names[element] not in ("td", "tr", "p", "li", *HEADINGS):
            mostly_links = sums.link_weights[element] > LINKS * sums.weights[element]
            dropped[element] = mostly_links and sums.counts[element] < 0.3 * total
    for block in page.blocks:
        element = block.element
        if (
            main < element < ends[main]
            and not dropped[element]
            and block.weight < 100
            and OTHER_HEADING.match(block.text)
        ):
            section = page.parents[element]
            while section > main and sums.weights[section] <= block.weight + 1:
                section = page.parents[section]
            if section > main and sums.counts[section] < 0.4 * total:
                for inner in range(section, ends[section]):
                    dropped[inner] = True
    return dropped


def _keep(page: Page, main: int, ends: list[int], dropped: list[bool]) -> list[int]:
    """Numbers of the blocks that are kept."""
    kept: list[int] = []
    until_level = 0
    """While under a heading that begins something else: its level."""
    for number, block in enumerate(page.blocks):
        element = block.element
        if not main <= element < ends[main] or dropped[element]:
            continue
        name = page.names[element]
        level = HEADINGS.get(name, 0)
        if level:
            if until_level and level <= until_level:
                until_level = 0
            if block.weight < 100 and OTHER_HEADING.match(block.text):
                until_level = level
        if until_level or _is_notice(block, name):
            continue
        kept.append(number)
    return _without_empty_headings(page, kept)


def _is_notice(block: Block, name: str) -> bool:
    """Whether a short block says something about the text or asks for a click."""
    if block.is_code or block.weight > SHORT:
        return False
    if META_LINE.match(block.text) or DATE_LINE.match(block.text):
        return True
    return block.link_share > 0.8 and name not in HEADINGS and name not in ("li", "td", "dd", "dt", "p", "th")


def _without_empty_headings(page: Page, kept: list[int]) -> list[int]:
    """A heading at the end has nothing under it."""
    while len(kept) > 1 and page.names[page.blocks[kept[-1]].element] in HEADINGS:
        kept.pop()
    return kept


def _with_title(page: Page, kept: list[int], passed_over: list[int]) -> list[Block]:
    """The kept blocks; before them the title of the page and text between it and them, where these stand elsewhere."""
    blocks = page.blocks
    if not kept:
        return []
    first = kept[0]
    if page.title and not any(_is_title(blocks[number], page.title) for number in kept[:5]):
        for number in range(first - 1, -1, -1):
            if _is_title(blocks[number], page.title):
                between = [other for other in range(number + 1, first) if _is_lead(page, blocks[other], passed_over)]
                kept = [number, *between, *kept]
                break
    return [blocks[number] for number in kept]


def _is_title(block: Block, title: str) -> bool:
    text = block.text
    return 6 <= block.weight <= 400 and len(text) > 0.3 * len(title) and text in title


def _is_lead(page: Page, block: Block, passed_over: list[int]) -> bool:
    return passed_over[block.element] in (0, HEADER) and _count(block, page.names[block.element]) >= 60
