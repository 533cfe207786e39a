"""STUN and TURN for one participant, with credentials that end by themselves. Pure.

coturn's REST scheme (draft-uberti-behave-turn-rest-00, coturn's `use-auth-secret`): the user name is when it ends and
whose it is, the password an HMAC of that under the secret that only Chartside and coturn know.
"""

import base64
import hmac
from datetime import datetime
from typing import Any

from smart_app.config import Settings


def configuration(settings: Settings, participant_id: str, now: datetime) -> dict[str, Any]:
    """Return what a browser needs to connect: `ice_servers`, `transport_policy` and `lasts_s`, when to ask again."""
    lasts_s = int(settings.turn_minutes * 60)
    servers = [dict(each) for each in settings.ice_servers]
    if settings.turn_urls:
        servers.append(_turn(settings, f"{int(now.timestamp()) + lasts_s}:{participant_id}"))
    policy = "relay" if settings.is_ice_relay_only else "all"
    return {"ice_servers": servers, "transport_policy": policy, "lasts_s": lasts_s}


def _turn(settings: Settings, username: str) -> dict[str, Any]:
    password = hmac.digest(settings.turn_secret.reveal(), username.encode(), "sha1")
    return {
        "urls": list(settings.turn_urls),
        "username": username,
        "credential": base64.b64encode(password).decode(),
    }
