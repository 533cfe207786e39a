"""Deadlines, sweep, key destruction and receipts."""
