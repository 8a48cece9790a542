"""API keys, where the operator has set any, and the key to the corrections."""

import hmac
from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import SecretStr

from serving.errors import Forbidden, Unauthorized
from serving.settings import Settings
from serving.web.state import CurrentSettings

REALM = "tweet-sentiment"

_WAYS = "as `Authorization: Bearer KEY`, as `X-API-Key: KEY`, or as the password of HTTP Basic, with any user name."
SENTENCE = f"This needs one of the service's API keys: {_WAYS}"
FEEDBACK_SENTENCE = f"This needs the service's FEEDBACK_KEY, not one of its API keys: {_WAYS}"
NO_FEEDBACK_KEY = (
    "Corrections are read and deleted with a key of their own, and this service has none; accepted is a FEEDBACK_KEY "
    "in its settings, of 16 or more visible ASCII characters."
)

_WHERE_SET = "Wanted where the operator has set API_KEYS."

_bearer = HTTPBearer(scheme_name="bearer", description=_WHERE_SET, auto_error=False)
_header = APIKeyHeader(name="X-API-Key", scheme_name="header", description=_WHERE_SET, auto_error=False)
_basic = HTTPBasic(
    scheme_name="basic", realm=REALM, description=f"{_WHERE_SET} The key is the password.", auto_error=False
)


async def _sent_keys(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
    basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
) -> list[str]:
    """The keys that a request carries, in whichever way."""
    sent = [bearer and bearer.credentials, header, basic and basic.password]
    return [key for key in sent if key]


SentKeys = Annotated[list[str], Depends(_sent_keys)]


async def require_key(settings: CurrentSettings, sent: SentKeys) -> None:
    """A dependency that lets a request pass where no keys are set, or where it carries one of them.

    Raises Unauthorized with a Basic challenge (RFC 7617), so that a browser asks its user.
    """
    if settings.api_keys:
        _admit(sent, settings.api_keys, SENTENCE, REALM)


async def check_key(request: Request, settings: Settings) -> None:
    """As `require_key`, for a route that FastAPI solves no dependencies for.

    Raises:
        Unauthorized: where keys are set and the request carries none of them.
        HTTPException: where its Basic credentials cannot be decoded.
    """
    if settings.api_keys:
        sent = await _sent_keys(await _bearer(request), await _header(request), await _basic(request))
        await require_key(settings, sent)


async def require_feedback_key(settings: CurrentSettings, sent: SentKeys) -> None:
    """A dependency that lets a request pass where it carries the key to the corrections.

    Raises:
        Forbidden: there is no such key.
        Unauthorized: the request does not carry it. An API key is not enough.
    """
    if settings.feedback_key is None:
        raise Forbidden(NO_FEEDBACK_KEY, code="feedback_key_not_set")
    # By a realm of its own, or a browser would offer the key that it has for the pages.
    _admit(sent, [settings.feedback_key], FEEDBACK_SENTENCE, f"{REALM}-feedback")


def _admit(sent: Iterable[str], accepted: Iterable[SecretStr], sentence: str, realm: str) -> None:
    keys = [secret.get_secret_value() for secret in accepted]
    if not any(_matches(candidate, keys) for candidate in sent):
        raise Unauthorized(sentence, headers={"WWW-Authenticate": f'Basic realm="{realm}"'})


def _matches(candidate: str, keys: list[str]) -> bool:
    """Compares with every key, in a time that tells neither which one nor how much of it was right."""
    return sum(hmac.compare_digest(candidate.encode(), key.encode()) for key in keys) > 0
