"""The command line: parses, calls and prints; the work is done on the floors below."""
