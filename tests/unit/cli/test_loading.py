import asyncio

import click
import pytest

from covet_cli.loading import Target, drive


async def test_load_counts_answers_and_errors():
    answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"]
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answers[len(seen) % 2])
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tally = await drive(Target("127.0.0.1", port, "/x/{id}", ids=5), connections=3, seconds=0.2, warm_up=0.1)
    server.close()
    assert 0 < tally.errors < len(tally.latencies)
    assert tally.percentile(0.5) <= tally.percentile(0.99)
    assert seen[0].startswith(b"GET /x/")
    assert b"{id}" not in seen[0]


async def test_a_server_that_announces_the_end_of_a_connection_makes_no_error():
    connections: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tally = await drive(Target("127.0.0.1", port, "/"), connections=2, seconds=0.2, warm_up=0.1)
    server.close()
    assert tally.errors == 0
    assert 2 < len(tally.latencies) < len(connections)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "ftp://x/", "http://"])
def test_target_takes_http_only(url):
    with pytest.raises(click.BadParameter, match="expected an http:// address"):
        Target.of(url)


def test_target_reads_an_address():
    assert Target.of("127.0.0.1:8000/a?b=1") == Target("127.0.0.1", 8000, "/a?b=1")
