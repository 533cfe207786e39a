"""Whole visits in real browsers against the running demo. Steps of one journey stand in one file, in order."""
