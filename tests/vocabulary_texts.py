"""Text in two languages to learn vocabularies from, and text on which ways of cutting like to differ."""

from __future__ import annotations

from hypothesis import strategies as st

LINES = [
    "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。",
    "春眠不觉晓，处处闻啼鸟。\n夜来风雨声，花落知多少。",
    "白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。",
    "明月几时有？把酒问青天。不知天上宫阙，今夕是何年。",
    "The bright moon shines before my bed; I wonder whether it is frost upon the ground.",
    "I raise my head and see the moon, I'll lower it and think of home. It's 1,000 miles away!",
    "def moon(nights):\n    return [night % 29.5 for night in nights]\n\n\n\tprint(moon(range(12)))\r\n",
    "《静夜思》是唐代诗人李白（701年—762年）的作品，共20个字。",
    "月が綺麗ですね。カタカナとひらがな、々と〇。달이 밝다",
]

SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>"]

PARTS = [
    *"明月光地上霜春風花鳥。，、；：？！「」『』《》（）\u3000々〇〖〗",
    *"abc'sStTdD",
    *" \n\r\t\u00a0\u2003\u0085\x00",
    *"0123½²٣",
    *"ſßéйなナ゙한\u1100\u11a8\u0301\ufe0f\u200d\ufffd",
    *[
        "😀",
        "👩\u200d👧",
        "𠮷",
        "𝒜",
        "  ",
        "\n\n",
        "。\n",
        " the",
        "The",
        "'ll",
        "<|im_start|>",
        "<|im_end|>",
        "明月",
        "床前",
    ],
]
MIXED = st.lists(st.sampled_from(PARTS), max_size=30).map("".join)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TEXTS = st.lists(st.one_of(MIXED, ANY), max_size=12)
