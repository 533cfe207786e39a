"""Independent servers that the tests speak to, each its own process."""
