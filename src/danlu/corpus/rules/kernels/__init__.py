"""Compiled loops over flat arrays. Importing one of these modules imports numba, so that is done inside functions."""
