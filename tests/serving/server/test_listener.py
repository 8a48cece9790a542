import socket

import pytest

from serving.server.listener import bind, page_address


def test_nothing_listens_at_a_port_that_is_bound() -> None:
    with bind("127.0.0.1", 0) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener.getsockname())


def test_a_port_in_use_is_a_sentence_with_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit) as caught:
            bind("127.0.0.1", port)
    assert caught.value.code == f"Port {port} is in use; choose another: make serve PORT={port + 1}"


def test_an_address_of_another_machine() -> None:
    with pytest.raises(SystemExit, match=r"The service cannot listen at HOST 192\.0\.2\.1, PORT 8000 \(.*\); choose"):
        bind("192.0.2.1", 8000)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")])
def test_the_address_that_a_browser_opens(host: str, shown: str) -> None:
    try:
        listener = bind(host, 0)
    except SystemExit:
        pytest.skip(f"this system has no {host}")
    with listener:
        assert page_address(listener) == f"http://{shown}:{listener.getsockname()[1]}/predict"
