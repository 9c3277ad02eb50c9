"""The names in the parameters and bodies of the API."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta


def documented(description: str, **schema: Any) -> Meta:
    """Return a description for OpenAPI only: the checks are in `appending.checks`, whose errors name the field."""
    return Meta(description=description, extra_json_schema=schema)


NAME_SCHEMA = {"minLength": 1, "maxLength": 200, "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}
Name = Annotated[str, documented("1 to 200 characters, no control characters", **NAME_SCHEMA)]
StreamName = Annotated[
    str,
    documented(
        "1 to 200 characters, no control characters; no `.` or `..` segment, not ending in `/events`",
        minLength=1,
        maxLength=200,
        pattern=r"^(?!.*/events$)(?!(.*/)?\.\.?(/|$))[^\u0000-\u001f\u007f-\u009f]*$",
    ),
]
