"""What browsers may say that they record, and the container that each of it is. Pure."""

from smart_app.errors import BadInput

CONTAINERS = {"audio/webm": "webm", "audio/mp4": "mp4", "audio/ogg": "ogg"}
"""Chrome, Edge and Firefox record WebM, Safari MP4, older Firefox Ogg."""


def container_of(mime: str) -> str:
    """Return the container that a registered type is; its codec parameter is not looked at.

    Raises BadInput for a type that no recorder of ours makes, so that nothing of it is ever captured.
    """
    found = CONTAINERS.get(mime.partition(";")[0].strip().lower())
    if found is None:
        raise BadInput(
            "bad_media_type", "This browser records in a way that Chartside cannot read.", "Use a current browser."
        )
    return found
