"""The web app: the only home of FastAPI."""
