"""Pages for people, each one file that needs nothing from outside, and the pictures in them."""
