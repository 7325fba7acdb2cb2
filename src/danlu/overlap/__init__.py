"""Which texts have pieces in common with others: held-out rows in documents, whatever stands around them."""
