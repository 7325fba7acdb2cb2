"""Released versions of models, and where everything came from."""
