"""A poor server, faithful to what was measured on OpenEMR 8.2.0-dev: launch, tokens, FHIR reads, standard API, module.

Every answer that a client can trip over is the measured one; where nothing was measured the answer is the harder one.
It is for tests: no passwords, everything in memory, and `POST /control/...` moves it.
"""
