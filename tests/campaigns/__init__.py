"""Long trials of the trust rules, by hand: `make campaign-NAME`; pytest runs a short form of each.

A module here has `main() -> int`: it prints its figures, keeps them with `tests.trust.figures.write`, and returns 0
when every goal is met.
"""
