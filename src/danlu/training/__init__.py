"""Packed tokens in, a trained model out. Start reading at ``loop.py``; everything else is a part it is given."""
