"""The Flask app and its worker."""
