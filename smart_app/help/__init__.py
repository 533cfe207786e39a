"""The live diagnosis and the six answers."""
