"""What counts as keeping one line length, on poems whose answer is plain."""

from __future__ import annotations

import pytest
from benchmarks.verse import Poem, line_length, lines_of, share_kept

FIVE = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"
SEVEN = "两岸猿声啼不住，轻舟已过万重山。朝辞白帝彩云间，千里江陵一日还。"


@pytest.mark.parametrize(
    ("text", "is_whole", "length"),
    [
        (FIVE, True, 5),
        (SEVEN, True, 7),
        ("床前明月光？疑是地上霜！举头望明月；低头思故乡", True, 5),
        (FIVE + "\n床前明", True, None),  # the writer ended it so
        (FIVE + "\n床前明", False, 5),  # a limit did
        (FIVE, False, 5),
        ("床前明月光，疑是地上霜。", True, None),  # two lines
        (FIVE + SEVEN, True, None),
        ("关关雎鸠，在河之洲。窈窕淑女，君子好逑。", True, None),  # fours
        (FIVE.replace("明月光", "a月光"), True, None),
        (FIVE.replace("明月光", "\ufffd月光"), True, None),
        (FIVE.replace("明月光", "「月」"), True, None),
        ("", True, None),
        ("", False, None),
    ],
)
def test_line_length(text: str, is_whole: bool, length: int | None) -> None:
    assert line_length(Poem(text, is_whole)) == length


def test_lines_stand_between_marks() -> None:
    assert lines_of(Poem(" a，\n\n b b 。c", True)) == ["a", "b b", "c"]
    assert lines_of(Poem("a，b", False)) == ["a"]


def test_share_counts_every_poem() -> None:
    assert share_kept([Poem(FIVE, True), Poem(SEVEN, True), Poem("", True), Poem("a", False)]) == 0.5
