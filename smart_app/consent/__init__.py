"""The clinician's switch, each participant's answer, and capture grants."""
