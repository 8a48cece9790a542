import asyncio
from typing import cast

from serving.server.undelivered import Undelivered


class Waiting:
    """A transport with so many bytes that its client has not read."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.size

    def abort(self) -> None:
        self.aborted = True


def given_up(undelivered: Undelivered, *transports: Waiting) -> list[bool]:
    for transport in transports:
        undelivered.add(cast(asyncio.Transport, transport))
    return [transport.aborted for transport in transports]


def test_as_much_as_fits_is_kept() -> None:
    assert given_up(Undelivered(100), Waiting(50), Waiting(50)) == [False, False]


def test_the_longest_waited_for_is_given_up_first() -> None:
    assert given_up(Undelivered(100), Waiting(20), Waiting(50), Waiting(40)) == [True, False, False]
    assert given_up(Undelivered(100), Waiting(20), Waiting(50), Waiting(70)) == [True, True, False]


def test_one_alone_may_have_more() -> None:
    assert given_up(Undelivered(100), Waiting(300)) == [False]


def test_what_was_read_counts_no_more() -> None:
    undelivered, first = Undelivered(100), Waiting(80)
    given_up(undelivered, first)
    undelivered.remove(cast(asyncio.Transport, first))
    assert given_up(undelivered, Waiting(80), first) == [True, False]


def test_what_is_read_meanwhile_counts_less() -> None:
    undelivered, first = Undelivered(100), Waiting(80)
    given_up(undelivered, first)
    first.size = 10
    assert given_up(undelivered, Waiting(80)) == [False]
    assert not first.aborted
