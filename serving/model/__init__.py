"""A bundle on disk that predicts: it knows no HTTP and no files of rows."""
