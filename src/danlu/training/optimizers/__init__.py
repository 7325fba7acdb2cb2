"""What may be set (``settings``), and which parameters get what (``groups``). Made by ``training/optimizer.py``."""
