"""From files to curves: of our own runs, and of what other trainers write."""
