"""Artifacts: what they say about themselves, where they lie, and the format of each kind."""
