"""Text to train small tokenizers on, and text on which tokenizers like to differ."""

from __future__ import annotations

CORPUS = [
    "The quick brown fox jumps over the lazy dog, doesn't it? I'll see: we've 12 dogs and 345 foxes.",
    "def add(a, b):\n    return a + b\n\n\nprint(add(2, 3))  # 5\n\tif x == 10_000:\r\n",
    "丹炉把原始数据炼成模型。法国的首都是巴黎。こんにちは世界。한국어 텍스트",
    "Привет, мир! Ελληνικά γράμματα. العربية עברית हिन्दी ไทย é à ü ñ",
]

TEXTS = [
    "Hello, world!",
    " leading and trailing ",
    "I'll we'Re IT'S don’t '  's",
    "1 12 123 1234 12345678 3.14 1,000 ½ ² Ⅷ ٣٤٥ ๑๒",
    "x = {'a': 1_000.5e-3}\n\n\n    y\t\tz\r\n\r\n",
    "\n\n\n  \n\t\t   end   ",
    "丹炉 2024年 炼丹！「こんにちは」한국어 텍스트",
    "Привет Ελληνικά العربية עברית हिन्दी ไทย Tiếng Việt",
    "👩‍👩‍👧‍👦🏳️‍🌈 🦙✅ é́",
    "\u00a0\u2003\u3000z\x7f",
    "<|im_start|>user\nHi <|im_end|>\n<|im_start|>assistant\n",
    "------=======!!!???....",
]
