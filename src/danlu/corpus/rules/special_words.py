"""Words of English that are cut differently than their letters say: contractions, abbreviations, faces.

The list is that of spaCy's tokenizer, told as rules. A word is a tuple of its pieces: ``("do", "n't")``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

SUBJECTS = ("i", "you", "he", "she", "it", "we", "they")
QUESTIONS = ("who", "what", "when", "where", "why", "how", "there", "that", "this")
PLURALS = ("these", "those")
NOT_AFTER = ("ca", "could", "do", "does", "did", "had", "may", "might", "must", "need", "ought", "sha", "should", "wo",
             "would")  # fmt: skip
ONLY_NOT_AFTER = ("ai", "are", "is", "was", "were", "have", "has", "dare")
HAVE_AFTER = ("could", "might", "must", "should", "would")
NOT_CUT = ("Ill", "ill", "Its", "its", "Hell", "hell", "Shell", "shell", "Shed", "shed", "were", "Were", "Well", "well",
           "Whore", "whore")  # fmt: skip
"""Words that look like a contraction without its apostrophe."""

CUT = """
y' all|y all|how 'd 'y|How 'd 'y|not 've|not ve|Not 've|Not ve|can not|Can not|gon na|Gon na|got ta|Got ta|let 's|
Let 's|c'm on|C'm on
"""
WHOLE = """
' '' \\t \\n \\") — <space> C++ doin Doin goin Goin nothin Nothin nuthin Nuthin ol Ol somethin Somethin doin' Doin'
goin' Goin' nothin' Nothin' nuthin' Nuthin' ol' Ol' somethin' Somethin' em 'em ll 'll nuff 'nuff 'S 's ‘S ‘s and/or w/o
'Cause 'cause 'cos 'Cos 'coz 'Coz 'cuz 'Cuz 'bout ma'am Ma'am o'clock O'clock lovin' Lovin' lovin Lovin havin' Havin'
havin Havin 'd 're
"""
ABBREVIATIONS = """
Mt Ak Ala Apr Ariz Ark Aug Calif Colo Conn Dec Del Feb Fla Ga Ia Id Ill Ind Jan Jul Jun Kan Kans Ky La Mar Mass Mich
Minn Miss N.C N.D N.H N.J N.M N.Y Neb Nebr Nev Nov Oct Okla Ore Pa S.C Sep Sept Tenn Va Wash Wis a.m Adm Bros co Co Corp
D.C Dr e.g E.g E.G Gen Gov i.e I.e I.E Inc Jr Ltd Md Messrs Mo Mont Mr Mrs Ms p.m Ph.D Prof Rep Rev Sen St vs v.s
a b c d e f g h i j k l m n o p q r s t u v w x y z ä ö ü
"""
"""With a full stop behind each."""
FACES = r"""
:) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8 ;) ;-) (; (-; :( :-( :(( :-((
:((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= =[ :1 :P :-P :p :-p :O :-O :o :-o :0 :-0 :() >:o :*
:-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D xD XD xDD XDD 8D 8-D ^_^ ^__^ ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v
V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3 <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*)
(¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
"""


def special_words() -> dict[str, tuple[str, ...]]:
    """Each word and its pieces; those with an apostrophe also with a curly one."""
    words = {"".join(pieces): pieces for pieces in _contractions() if "".join(pieces) not in NOT_CUT}
    for pieces in (tuple(word.split(" ")) for word in CUT.replace("\n", "").split("|")):
        words["".join(pieces)] = pieces
    for whole in [*WHOLE.split(), *(f"{word}." for word in ABBREVIATIONS.split()), *FACES.split()]:
        words[whole] = (whole,)
    for hour, half in product(range(1, 13), ("a.m.", "am", "p.m.", "pm")):
        words[f"{hour}{half}"] = (str(hour), half)
    for letter in "cfkCFK":
        words[f"°{letter}."] = ("°", letter, ".")
    curly = {word: tuple(piece.replace("'", "’") for piece in pieces) for word, pieces in words.items()}
    return words | {word.replace("'", "’"): pieces for word, pieces in curly.items() if "'" in word}


def _contractions() -> Iterator[tuple[str, ...]]:
    """With and without apostrophe, small and capitalised."""
    for word in _both(("i",)):
        yield from _with(word, ("'m",), ("'m", "a"))
    for word in _both(SUBJECTS):
        yield from _with(word, ("'ll",), ("'ll", "'ve"), ("'d",), ("'d", "'ve"))
    for word in _both(("i", "you", "we", "they")):
        yield from _with(word, ("'ve",))
    for word in _both(("you", "we", "they")):
        yield from _with(word, ("'re",))
    for word in _both(("he", "she", "it")):
        yield from _with(word, ("'s",))
    for word in _both((*QUESTIONS, *PLURALS)):
        yield from _with(word, ("'ll",), ("'ll", "'ve"), ("'d",), ("'d", "'ve"))
        if word.lower() not in PLURALS:
            yield from _with(word, ("'s",))
        if word.lower() not in ("that", "this"):
            yield from _with(word, ("'re",), ("'ve",))
    for word in _both(NOT_AFTER):
        yield from _with(word, ("n't",), ("n't", "'ve"))
    for word in _both(HAVE_AFTER):
        yield from _with(word, ("'ve",))
    for word in _both(ONLY_NOT_AFTER):
        yield from _with(word, ("n't",))


def _both(words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        yield from (word, word.title())


def _with(word: str, *endings: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """A word with each ending, as it is and without apostrophes."""
    for ending in endings:
        yield (word, *ending)
        yield (word, *(part.replace("'", "") for part in ending))
