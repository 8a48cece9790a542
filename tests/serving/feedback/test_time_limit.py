import socket

from serving.feedback.time_limit import TimeLimit


def test_whoever_reads_when_the_time_is_up_hears_of_an_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with TimeLimit(0.05) as limit:
            limit.watch(ours.fileno())
            assert ours.recv(1) == b""
        assert limit.is_over
        assert theirs.recv(1) == b""


def test_what_is_watched_too_late_is_ended_at_once() -> None:
    (first, other), (late, another) = socket.socketpair(), socket.socketpair()
    with first, other, late, another, TimeLimit(0.05) as limit:
        limit.watch(first.fileno())
        assert first.recv(1) == b""
        limit.watch(late.fileno())
        assert late.recv(1) == b""


def test_in_time_nothing_happens_to_the_connection() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with TimeLimit(600) as limit:
            limit.watch(ours.fileno())
        assert not limit.is_over
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"


def test_the_next_file_of_the_same_number_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with theirs, TimeLimit(0.2) as limit:
        number = ours.fileno()
        limit.watch(number)
        ours.close()
        new, peer = socket.socketpair()
        with new, peer:
            assert number in (new.fileno(), peer.fileno())
            assert theirs.recv(1) == b"", "the time is up"
            peer.sendall(b"x")
            assert new.recv(1) == b"x"
