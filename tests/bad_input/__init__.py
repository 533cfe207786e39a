"""The issue's list of bad input, each against the running clinic: a clear error, and nothing lost or stored.

What the launch refuses (unknown `iss`, tampered or replayed state, missing scopes) is proven in `tests/launch`, what
the upload refuses in every order of events in `tests/recording`; here the same lines meet real processes, a real socket
and a chart that fails. A refused microphone is the browser's (`tests/journeys`).
"""
