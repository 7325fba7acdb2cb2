"""A model on several processes, taken apart from outside: its definition knows nothing of it."""
