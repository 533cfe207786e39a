"""Templates, ES modules, CSS, and the policy that every route declares."""
