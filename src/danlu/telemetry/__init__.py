"""What is happening: events, progress, metrics and resources."""
