"""SMART discovery, authorisation and tokens, kept on the server."""
