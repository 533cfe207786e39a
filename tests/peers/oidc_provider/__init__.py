"""npm oidc-provider as an independent authorization server."""
