"""Lines, paragraphs and long passages that stand in the corpus again and again, cut out of the documents.

All parts are looked at together, in steps that hold little: what may repeat is written as records (a hash and a place),
records are divided over files by their hash, and each file is sorted by itself. `danlu.corpus.working.cutting` puts the
steps in order.
"""
