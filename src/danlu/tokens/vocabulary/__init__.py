"""``do: train_tokenizer``: a vocabulary of one's own."""
