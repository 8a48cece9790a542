"""FastAPI without the layers of its own that have nothing to do here."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


class LeanFastAPI(FastAPI):
    """Hands a request straight to the first of `user_middleware`.

    What FastAPI puts around that is an answer to errors, which that middleware gives, a limit on bodies, of which none
    is set, and OpenTelemetry. Where somebody has set the last up by the first request, and below a mount, every layer
    is kept.
    """

    _entry: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("root_path"):
            await super().__call__(scope, receive, send)
            return
        if self._entry is None:
            self._entry = self._find_entry()
        scope["app"] = self
        await self._entry(scope, receive, send)

    def _find_entry(self) -> ASGIApp:
        if not self.user_middleware or self._native_telemetry.enabled():
            return super().__call__
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        layer = self.middleware_stack
        while not isinstance(layer, self.user_middleware[0].cls):  # type: ignore[arg-type]
            layer = layer.app  # type: ignore[attr-defined]
        return layer
