"""One script per claim. Each ends with one JSON line and writes its full result under ``benchmarks/results/``."""
