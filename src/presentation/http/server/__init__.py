"""The gunicorn worker, and how it receives requests."""
