"""Chartside: launch -> consent -> recording -> transcript -> draft -> note -> erasure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from smart_app.config import Settings
    from smart_app.kit import Kit


def create_app(settings: "Settings", kit: "Kit | None" = None) -> "Flask":
    """Make the web app.

    The wiring is imported here, so that workers, the command line and the decoder's child start without the web.
    """
    from smart_app.wiring import wire

    return wire(settings, kit)
