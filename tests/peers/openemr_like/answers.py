"""The shapes of its answers: JSON errors of its own, empty HTML, collections; never an OperationOutcome."""

import json
from typing import Any, NoReturn

from flask import Response, abort

JSON = "application/json"


def json_answer(body: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(body), status, content_type=JSON)


def empty_html(status: int = 404) -> Response:
    """Return an empty page, as for a route that is not there."""
    return Response("", status, content_type="text/html; charset=UTF-8")


def error(status: int, message: str) -> Response:
    """Return an error as its API words it."""
    return json_answer({"error": "An error occurred", "message": message, "code": 0}, status)


def oauth_error(status: int, code: str, description: str, hint: str = "") -> Response:
    """Return an error as its OAuth library words it."""
    body = {"error": code, "error_description": description, **({"hint": hint} if hint else {}), "message": description}
    return json_answer(body, status)


def invalid_scope(word: str) -> Response:
    """Return the refusal of one scope, which refuses the whole call."""
    text = "The requested scope is invalid, unknown, or malformed"
    return oauth_error(400, "invalid_scope", text, f"Check the `{word}` scope")


def refuse(response: Response) -> NoReturn:
    """End the request with this answer."""
    abort(response)


def envelope(data: Any) -> dict[str, Any]:
    """Return the standard API's wrapping of one or more rows."""
    return {"validationErrors": [], "internalErrors": [], "data": data, "links": []}


def bundle(resources: list[dict[str, Any]], *, fhir_url: str, resource_type: str, at: str) -> dict[str, Any]:
    """Return a search answer: a collection (not a searchset) with only a self link."""
    base = f"{fhir_url}/{resource_type}"
    entries = [{"fullUrl": f"{base}/{one['id']}", "resource": one} for one in resources]
    return {
        "resourceType": "Bundle",
        "meta": {"lastUpdated": at},
        "type": "collection",
        "total": len(resources),
        "link": [{"relation": "self", "url": base}],
        **({"entry": entries} if entries else {}),
    }
