"""What a training looks like from inside, and what is done when a step goes wrong."""
