"""What cleaned data is like: numbers, pictures, what filters did, and what other thresholds would do."""
