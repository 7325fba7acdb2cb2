"""Which rows repeat others."""
