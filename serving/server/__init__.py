"""The process that serves: uvicorn's configuration, its protocol and its supervisor."""
