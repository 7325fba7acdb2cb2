"""Files as rows, whatever they are written in."""
