"""API keys, where the operator has set any."""

import hmac
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from serving.errors import Unauthorized
from serving.settings import Settings
from serving.web.state import CurrentSettings

REALM = "tweet-sentiment"

SENTENCE = (
    "This needs one of the service's API keys: as `Authorization: Bearer KEY`, as `X-API-Key: KEY`, "
    "or as the password of HTTP Basic, with any user name."
)

_WHERE_SET = "Wanted where the operator has set API_KEYS."

_bearer = HTTPBearer(scheme_name="bearer", description=_WHERE_SET, auto_error=False)
_header = APIKeyHeader(name="X-API-Key", scheme_name="header", description=_WHERE_SET, auto_error=False)
_basic = HTTPBasic(
    scheme_name="basic", realm=REALM, description=f"{_WHERE_SET} The key is the password.", auto_error=False
)


async def require_key(
    settings: CurrentSettings,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
    basic: Annotated[HTTPBasicCredentials | None, Depends(_basic)],
) -> None:
    """A dependency that lets a request pass where no keys are set, or where it carries one of them.

    Raises Unauthorized with a Basic challenge (RFC 7617), so that a browser asks its user.
    """
    if not settings.api_keys:
        return
    sent = [bearer and bearer.credentials, header, basic and basic.password]
    keys = [secret.get_secret_value() for secret in settings.api_keys]
    if not any(_matches(candidate, keys) for candidate in sent if candidate):
        raise Unauthorized(SENTENCE, headers={"WWW-Authenticate": f'Basic realm="{REALM}"'})


async def check_key(request: Request, settings: Settings) -> None:
    """As `require_key`, for a route that FastAPI solves no dependencies for.

    Raises:
        Unauthorized: where keys are set and the request carries none of them.
        HTTPException: where its Basic credentials cannot be decoded.
    """
    if settings.api_keys:
        await require_key(settings, await _bearer(request), await _header(request), await _basic(request))


def _matches(candidate: str, keys: list[str]) -> bool:
    """Compares with every key, in a time that tells neither which one nor how much of it was right."""
    return sum(hmac.compare_digest(candidate.encode(), key.encode()) for key in keys) > 0
