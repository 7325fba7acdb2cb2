"""Classifiers on held-out documents whose class is known."""
