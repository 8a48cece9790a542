"""HTTP/1.1 connections that refuse, while the queue is full, without the app."""

import asyncio

from serving.server.protocol import GuardedProtocol
from serving.web.load_shedding import STATE, Refusal
from serving.web.rejections import Rejection


class RefusingProtocol(GuardedProtocol):
    """A guarded protocol that answers a request itself where the app's `Refusal` applies to it.

    Only where the request comes whole with its headers, and after all of the connection's earlier ones were answered;
    what is begun otherwise goes the usual way, with the limits of that.
    """

    _held: list[bytes] | None = None
    """The body, as far as it has come, of a request that is judged once it is whole; None where there is none."""

    _begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._refusal: Refusal | None = self.app_state.get(STATE)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def _receive(self, data: bytes) -> None:
        super()._receive(data)
        if self._held is not None and not self.transport.is_closing():
            self._hand_over()

    def on_headers_complete(self) -> None:
        if self._judges():
            self._end_head()
            self._held, self._guard.unread = [], True
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
        else:
            self._held.append(body)

    def on_message_complete(self) -> None:
        if self._held is not None:
            assert self._refusal is not None
            if self._refusal.applies(self.headers):
                self._end_message()
                self._refuse(self._refusal)
                return
            self._begun = True
            self._refusal.begun += 1
            self._hand_over()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self._begun:
            self._end()
        super().on_response_complete()

    def _judges(self) -> bool:
        return (
            self._refusal is not None
            and self._refusal.concerns(self.parser.get_method(), self.url)
            and (self.cycle is None or self.cycle.response_complete)
            and not self.flow.write_paused
            and not self.parser.should_upgrade()
        )

    def _refuse(self, refusal: Refusal) -> None:
        self._held = None
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        common = self.server_state.default_headers
        self.transport.write(refusal.answer(self.headers, common, keep_alive=keep_alive))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _hand_over(self) -> None:
        """The usual way: what was held back is told to uvicorn after all."""
        held, self._held = self._held or (), None
        self._begin_request()
        for body in held:
            super().on_body(body)

    def _answering(self) -> bool:
        return self._held is not None or super()._answering()

    def _reject(self, rejection: Rejection) -> None:
        if self._held is not None:
            self._held, self._guard.unread = None, False  # nobody has begun with it
        super()._reject(rejection)

    def _end(self) -> None:
        if self._begun and self._refusal is not None:
            self._begun = False
            self._refusal.begun -= 1
