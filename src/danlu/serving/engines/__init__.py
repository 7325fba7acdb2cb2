"""What turns token ids into more token ids: one engine a file, and the table that names them."""
