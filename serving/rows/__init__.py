"""Files of rows, read and written in pieces of constant size."""
