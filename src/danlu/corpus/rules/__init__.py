"""Rules for the quality of text: taggers count, rules compare what was counted with thresholds."""
