"""From a token that a model learnt from to the bytes it came from, and from a document or a person to every model."""
