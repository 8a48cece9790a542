"""Forwarded headers: what a trusted proxy says of the client, the scheme and the path in front of the service."""

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from serving.settings import ROOT_PATH

_PREFIX = b"x-forwarded-prefix"


class ForwardedMiddleware(ProxyHeadersMiddleware):
    """uvicorn's middleware for `X-Forwarded-For` and `-Proto`, which also puts requests below a prefix.

    With a prefix, ASGI's `root_path` is that, and `path` begins with it, whether the proxy has cut it off or not. So
    it may be none of the service's own paths, such as /predict: whether it was cut off could not be seen.

    Args:
        app: what is surrounded.
        trusted_hosts: comma-separated addresses or networks of the proxies, or *.
        root_path: the prefix; "" for what a trusted proxy's `X-Forwarded-Prefix` says. One that is not of the form
            that the setting ROOT_PATH has is passed over, and so are several.
    """

    def __init__(self, app: ASGI3Application, trusted_hosts: str, root_path: str) -> None:
        super().__init__(app, trusted_hosts)
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] == "http" and (root_path := self._root_path or self._forwarded_prefix(scope)):
            _put_below(scope, root_path)
        await super().__call__(scope, receive, send)

    def _forwarded_prefix(self, scope: HTTPScope) -> str:
        values = [value for name, value in scope["headers"] if name == _PREFIX]
        client = scope["client"]
        if len(values) != 1 or client is None or client[0] not in self.trusted_hosts:
            return ""
        prefix = values[0].decode("latin-1").strip().rstrip("/")
        return prefix if ROOT_PATH.fullmatch(prefix) else ""


def _put_below(scope: HTTPScope, root_path: str) -> None:
    path, raw_path = scope["path"], scope["raw_path"]
    if path == root_path:
        path, raw_path = f"{path}/", raw_path + b"/"
    elif not path.startswith(f"{root_path}/"):
        path, raw_path = root_path + path, root_path.encode() + raw_path
    scope["path"], scope["raw_path"], scope["root_path"] = path, raw_path, root_path
