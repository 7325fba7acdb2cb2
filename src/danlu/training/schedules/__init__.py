"""The curves of the learning rate, and the one schedule that looks at losses. Used by ``training/schedule.py``."""
