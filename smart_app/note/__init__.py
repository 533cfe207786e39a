"""Templates, creating, reviewing, signing and publishing notes."""
