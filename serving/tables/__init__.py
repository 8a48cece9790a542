"""Files of rows, read and written in chunks: CSV, TSV, JSONL and Parquet."""
