"""Runs broken on purpose, and healthy ones."""
