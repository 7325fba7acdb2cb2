"""One training on several processes: how it is laid out, what each of them does, and what they tell each other."""
