"""Chunk upload against a grant, and the vault."""
