"""English names: given name and family name, with what stands around them.

Lists of the commonest given and family names say where to look. A given name that is hardly anything else makes a name
of the capitalised words behind it; one that is often a place, a month or a word (Austin, April, Grace) needs a family
name from the list, and so does one in capitals. Titles, greetings and labels such as "Name:" make names of what no list
has. Given names alone are names only behind a greeting.
"""

from __future__ import annotations

import re

from danlu.corpus.personal.classes import DOUBTFUL, FAMILY, GIVEN, NOT_FAMILY, TITLE, english_words
from danlu.corpus.personal.kind import Span

WORD = r"(?:(?:O'|D'|Mc|Mac|De|Di|La|Le|Van|St\.)?[A-Z][a-z]+(?:['-][A-Z][a-z]+)?|[A-Z]{2,}(?:['-][A-Z]{2,})?)"
END = r"(?![A-Za-z0-9_'’]|[-@][A-Za-z0-9])"
INITIAL = r"(?:[A-Z]\. ?){1,2}|[A-Z] "
FULL = re.compile(
    rf"(?P<given>{WORD}) (?P<middle>{INITIAL}|(?:{WORD} )(?={WORD}{END}))?"
    rf"(?:(?:van|von|de|der|den|la|del|bin|al|el) ){{0,2}}(?P<family>{WORD}){END}"
)
BEFORE_COMMA = re.compile(rf"(?<![A-Za-z0-9_.'-])({WORD}), ?$")
GIVEN_ALONE = re.compile(rf"({WORD})(?: [A-Z](?:\.|(?![A-Za-z0-9_])))?(?! ?{WORD}){END}")
FORMAL = re.compile(
    rf"(?:Mr|Mrs|Ms|Mx|Dr|Prof|Rev|Sgt|Capt|Mister|Miss|Professor|Sir|Madam|Lady|Judge|Senator|Captain|Officer|Nurse|Attorney|"
    rf"Detective|Sergeant|Reverend)\.? (?P<name>{WORD}(?: (?:{INITIAL})?{WORD}){{0,2}}){END}"
)
GREETING = re.compile(rf"(?:Dear|Hi|Hello|Hey),? (?P<name>{WORD}(?: {WORD})?)(?=[,!:.\n]| ?-|$)")
LABEL = re.compile(rf": ?(?P<name>{WORD}(?: (?:{INITIAL})?{WORD}){{1,3}}){END}")
LABELS = re.compile(
    r"(?:\b(?:name|customer|patient|contact(?: person)?|client|employee|recipient|applicant|cardholder|attn|attention|"
    r"signed|sender|holder|guest|passenger|student|tenant|buyer|seller|owner|payee|beneficiary|author|signature|from|to|cc)|姓名|联系人|收件人)"
    r"[\"']?\s?$",
    re.IGNORECASE,
)
LONGEST, LONGEST_FAMILY = 80, 20
"""Characters."""


def find_at_word(text: str, position: int) -> Span | None:
    """A name that begins with the given name, or stands behind the title, at `position`."""
    window = text[position : position + LONGEST]
    formal = FORMAL.match(window) or GREETING.match(window)
    if formal:
        start, end = formal.span("name")
        end = start + _kept(window[start:end])
        return (position + start, position + end) if end > start else None
    match = FULL.match(window)
    if match is None:
        return None
    if _is_name(match.group("given"), match.group("family"), middle=match.group("middle")):
        return position, position + match.end()
    middle = (match.group("middle") or "").strip()
    if len(middle) > 2 and _is_name(match.group("given"), middle, middle=None):
        return position, position + match.end("middle") - 1
    return None


def find_at_label(text: str, position: int) -> Span | None:
    """A name behind the colon at `position`, where the word before it says that there is one."""
    if not LABELS.search(text[max(0, position - 20) : position]):
        return None
    match = LABEL.match(text[position : position + LONGEST])
    if match is None:
        return None
    start, end = match.span("name")
    end = start + _kept(match.group("name"))
    return (position + start, position + end) if " " in text[position + start : position + end] else None


def _kept(name: str) -> int:
    """Characters of `name` up to the first word that is no name."""
    end = 0
    for word in re.finditer(r"\S+", name):
        flags = english_words().get(word.group().lower().rstrip("."), 0)
        if flags & (NOT_FAMILY | TITLE) and not flags & (GIVEN | FAMILY):
            break
        end = word.end()
    return end


def _is_name(given: str, family: str, *, middle: str | None) -> bool:
    words = english_words()
    first, last = words.get(given.lower(), 0), words.get(family.lower(), 0)
    if not first & GIVEN:
        return False
    if middle and len(middle.strip(". ")) > 2 and words.get(middle.strip().lower(), 0) & NOT_FAMILY:
        return False
    sure = bool(last & FAMILY)
    if given.isupper() or family.isupper():
        return sure and given.isupper() == family.isupper() and not last & NOT_FAMILY
    if last & NOT_FAMILY and not sure:
        return False
    if first & DOUBTFUL:
        return sure and not last & NOT_FAMILY
    return True


def find_reversed(text: str, position: int) -> Span | None:
    """A name such as "Smith, John" whose given name is at `position`; both must be in the lists."""
    first = max(0, position - LONGEST_FAMILY)
    family = BEFORE_COMMA.search(text[first:position])
    given = GIVEN_ALONE.match(text[position : position + LONGEST])
    if family is None or given is None:
        return None
    words = english_words()
    known = words.get(family.group(1).lower(), 0), words.get(given.group(1).lower(), 0)
    if not known[0] & FAMILY or known[0] & (NOT_FAMILY | GIVEN) or not known[1] & GIVEN:
        return None
    return first + family.start(1), position + given.end()
