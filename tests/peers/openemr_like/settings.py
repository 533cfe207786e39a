"""Where the poor server stands and what it is: the addresses follow OpenEMR's."""

from dataclasses import dataclass

SITE = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Host and port in its own addresses, and whether our module is installed."""

    port: int
    host: str = "localhost"
    has_module: bool = False
    access_token_s: int = 3600
    app_url: str = "http://127.0.0.1:8080"
    """Chartside's address in the module's settings."""

    @property
    def site_url(self) -> str:
        """Return the address of the web site."""
        return f"http://{self.host}:{self.port}"

    @property
    def fhir_url(self) -> str:
        """Return the FHIR base, the `iss` of launches."""
        return f"{self.site_url}/apis/{SITE}/fhir"

    @property
    def api_url(self) -> str:
        """Return the base of the standard API."""
        return f"{self.site_url}/apis/{SITE}/api"

    @property
    def oauth_url(self) -> str:
        """Return the issuer of id_tokens, which is not the SMART issuer."""
        return f"{self.site_url}/oauth2/{SITE}"
