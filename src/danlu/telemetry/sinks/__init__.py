"""Where metrics go besides ``metrics.jsonl`` and TensorBoard; one file for each kind."""
