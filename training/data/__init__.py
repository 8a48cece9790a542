"""Files of labelled rows, cleaned and split without leaks."""
