"""`python -m serving score`: files on disk, predicted row by row."""
