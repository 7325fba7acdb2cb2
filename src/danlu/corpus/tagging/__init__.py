"""Taggers of texts, each a `danlu.corpus.judging.Judge`: language, what a scorer says, offensive words; and those that
change texts: odd characters and blanks, lines that belong to the page and not to the text."""
