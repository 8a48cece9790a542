"""The service beside an empty endpoint, the usual tutorial's way and four model servers: `make bench`."""
