"""The only HTTP to the EHR."""
