"""The web application: pages, the JSON API, uploads and metrics."""
