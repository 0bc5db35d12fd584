"""The sockets that `covet run` listens on."""

import socket
import sys

import pytest

from covet_cli.serving import Options, open_listeners

CONNECTIONS = 64


def options(port: int = 0, workers: int = 2, host: str = "127.0.0.1") -> Options:
    return Options(host, port, workers, reload=False, preload=True, log_level="info", access_log=None)


def accepted(listener: socket.socket) -> int:
    listener.setblocking(False)
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other kernels do not spread connections")
def test_connections_are_spread_over_the_workers():
    listeners = open_listeners(options())
    address = listeners[0].getsockname()
    assert {listener.getsockname() for listener in listeners} == {address}
    clients = [socket.create_connection(address) for _ in range(CONNECTIONS)]
    counts = [accepted(listener) for listener in listeners]
    for opened in (*clients, *listeners):
        opened.close()
    assert sum(counts) == CONNECTIONS
    assert min(counts) >= CONNECTIONS // 8, counts


def test_a_taken_port_is_refused():
    listeners = open_listeners(options())
    try:
        with pytest.raises(OSError, match="in use"):
            open_listeners(options(listeners[0].getsockname()[1]))
    finally:
        for listener in listeners:
            listener.close()


def test_one_worker_has_a_socket_of_its_own():
    (listener,) = open_listeners(options(workers=1))
    with listener, socket.create_connection(listener.getsockname()):
        assert not listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_an_ipv6_address_is_listened_on():
    try:
        listeners = open_listeners(options(host="::1"))
    except OSError:
        pytest.skip("no IPv6 address")
    assert {listener.family for listener in listeners} == {socket.AF_INET6}
    for listener in listeners:
        listener.close()
