"""Many parts worked on side by side, and put together again."""
