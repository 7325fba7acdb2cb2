"""Decide whether a model is fit to be released, and write down what it is."""
