"""Uploaded files of rows and the streams that answer them."""
