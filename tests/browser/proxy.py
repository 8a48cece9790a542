"""A small reverse proxy, which serves a service under a path of its own site."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.browser.staging import serving

# Of one connection alone (RFC 9110, section 7.6.1), or written anew by the proxy.
NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length", "content-encoding"}


@dataclass
class Proxy:
    """What the proxy is set to do, and the paths outside of its prefix that were asked for.

    `keeps`: it hands the prefix on, where others cut it off. `tells`: it sets `X-Forwarded-Prefix`.
    """

    target: str
    prefix: str
    keeps: bool = False
    tells: bool = False
    url: str = ""
    astray: list[str] = field(default_factory=list)

    async def forward(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        if not path.startswith(f"{self.prefix}/"):
            self.astray.append(path)
            return PlainTextResponse("This is another site.", 404)
        headers = [(name, value) for name, value in request.headers.items() if name not in NOT_PASSED_ON]
        headers += [("x-forwarded-prefix", self.prefix)] if self.tells else []
        url = self.target + (path if self.keeps else path.removeprefix(self.prefix))
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.request(request.method, url, headers=headers, content=await request.body())
        passed_on = {name: value for name, value in answer.headers.items() if name not in NOT_PASSED_ON}
        return Response(answer.content, answer.status_code, passed_on)


@contextmanager
def proxied(target: str, prefix: str = "/sent", *, keeps: bool = False, tells: bool = False) -> Iterator[Proxy]:
    """A proxy in front of the service at `target`, until the end."""
    proxy = Proxy(target, prefix, keeps, tells)
    methods = ["GET", "HEAD", "POST", "DELETE"]
    with serving(Starlette(routes=[Route("/{path:path}", proxy.forward, methods=methods)])) as url:
        proxy.url = url
        yield proxy
