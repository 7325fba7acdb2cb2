"""How good models are on held-out examples, how sure that is, and what they answer."""
