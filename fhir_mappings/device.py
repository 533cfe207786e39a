"""AiDevice and AppDevice -> FHIR Device: who wrote the AI text, and who sends and erases."""

from fhir_mappings import codes, rules
from fhir_mappings.elements import Resource, given, identifier
from fhir_mappings.model import AiDevice, AppDevice, Site


def to_fhir(device: AiDevice, site: Site) -> Resource:
    """Write the AI Device with its model and prompt versions (C05). Raises InvalidResource."""
    versions = {"model": device.model_version, "prompt": device.prompt_version, "app": device.app_version}
    resource = {"resourceType": "Device"} | given(
        identifier=[identifier(site, "model", device.identifier)],
        status="active",
        manufacturer=device.manufacturer,
        deviceName=[{"name": device.name, "type": "user-friendly-name"}],
        modelNumber=device.model,
        type=codes.ARTIFICIAL_INTELLIGENCE.concept(site),
        version=[_version(kind, value) for kind, value in versions.items() if value is not None],
    )
    return rules.require(resource, site)


def app_to_fhir(device: AppDevice, site: Site) -> Resource:
    """Write the app's own Device, which is no AI. Raises InvalidResource."""
    resource = {
        "resourceType": "Device",
        "identifier": [identifier(site, "app", device.identifier)],
        "status": "active",
        "deviceName": [{"name": device.name, "type": "user-friendly-name"}],
        "version": [_version("app", device.app_version)],
    }
    return rules.require(resource, site)


def _version(kind: str, value: str) -> Resource:
    return {"type": {"text": kind}, "value": value}
