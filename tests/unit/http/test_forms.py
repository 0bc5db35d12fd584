"""Form bodies: what works, and what is refused with a 4xx, memory flat."""

import gzip

import pytest

from covet.app import Covet
from covet.testing import TestClient
from tests.pace import cpu_time_within

app = Covet(middleware=[])
BOUNDARY = "xyz"
MULTIPART = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}


@app.post("/form/")
async def form(request):
    data = await request.form()
    return {
        "fields": {key: data.getlist(key) for key in data if isinstance(data[key], str)},
        "files": {
            key: [item.filename, len(await item.read())] for key, item in data.items() if not isinstance(item, str)
        },
    }


@app.post("/django/")
async def django(request):
    return {"name": request.POST["name"], "files": [item.filename for item in request.FILES.values()]}


@app.post("/stream/")
async def stream(request):
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
    return {"size": size}


@pytest.fixture
async def client():
    async with TestClient(app) as client:
        yield client


def part(name, value, filename=None, headers=b""):
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    return f"--{BOUNDARY}\r\n{disposition}\r\n".encode() + headers + b"\r\n" + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def test_fields_and_files(client):
    response = await client.post("/form/", data={"a": "1", "b": ["2", "3"]}, files={"f": ("x.txt", b"hello")})
    assert response.json() == {"fields": {"a": ["1"], "b": ["2", "3"]}, "files": {"f": ["x.txt", 5]}}


async def test_djangos_names(client):
    response = await client.post("/django/", data={"name": "Ada"}, files={"f": ("x.txt", b"hello")})
    assert response.json() == {"name": "Ada", "files": ["x.txt"]}
    assert (await client.post("/django/", {"nom": "x"})).status_code == 400


async def test_large_files_are_spooled(client):
    response = await client.post("/form/", files={"f": ("big.bin", b"x" * 5_000_000)})
    assert response.json()["files"]["f"] == ["big.bin", 5_000_000]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\windows\\evil.exe", "evil.exe"),
        ("..\\..\\evil.exe", "evil.exe"),
        ("/etc/passwd", "passwd"),
        ("a\x00b.txt", "ab.txt"),
        ("..", None),
        ("ü.txt", "ü.txt"),
    ],
)
async def test_upload_names_lose_their_folders(client, sent, kept):
    body = b"".join([part("f", b"x", sent), END])
    response = await client.post("/form/", content=body, headers=MULTIPART)
    assert response.json()["files"]["f"][0] == kept


BAD = {
    "100k fields": (b"&".join(b"a=1" for _ in range(100_000)), URLENCODED),
    "1001 fields": (b"&".join(b"a=1" for _ in range(1_001)), URLENCODED),
    "field beyond the limit": (b"a=" + b"x" * 3_000_000, URLENCODED),
    "5k parts": (b"".join(part("a", b"1") for _ in range(5_000)) + END, MULTIPART),
    "5k files": (b"".join(part("a", b"1", "x") for _ in range(5_000)) + END, MULTIPART),
    "100k part headers": (part("a", b"1", headers=b"X-H: 1\r\n" * 100_000) + END, MULTIPART),
    "long part header": (part("a", b"1", headers=b"X-H: " + b"1" * 100_000 + b"\r\n") + END, MULTIPART),
    "large fields": (b"".join(part(f"a{number}", b"x" * 500_000) for number in range(8)) + END, MULTIPART),
    "truncated": (part("a", b"1")[:-4], MULTIPART),
    "truncated in the headers": (b"--xyz\r\nContent-Disposition: form-", MULTIPART),
    "no boundary": (part("a", b"1") + END, {"content-type": "multipart/form-data"}),
    "empty boundary": (part("a", b"1") + END, {"content-type": "multipart/form-data; boundary="}),
    "long boundary": (part("a", b"1") + END, {"content-type": "multipart/form-data; boundary=" + "x" * 5000}),
    "odd boundary": (
        part("a", b"1") + END,
        {"content-type": 'multipart/form-data; boundary="\xff\xfe"'.encode("latin-1")},
    ),
    "no name": (b"--xyz\r\nContent-Disposition: form-data\r\n\r\n1\r\n" + END, MULTIPART),
    "no disposition": (b"--xyz\r\nX: y\r\n\r\n1\r\n" + END, MULTIPART),
    "not multipart": (b"hello", MULTIPART),
    "gzip bomb as multipart": (gzip.compress(b"x" * 10_000_000), {**MULTIPART, "content-encoding": "gzip"}),
}


@pytest.mark.parametrize(("body", "headers"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("path", ["/form/", "/django/"])
async def test_bad_forms_are_4xx(client, body, headers, path):
    with cpu_time_within(0.3):
        response = await client.post(path, content=body, headers=headers)
    assert response.status_code in {400, 413}


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", MULTIPART),
        (b"", URLENCODED),
        (b"%ff%fe=%zz&=&==&&", URLENCODED),
        (b"a=1;b=2", URLENCODED),
        (b"\xff\xfe", URLENCODED),
        (part("a", b"\xff\xfe") + END, MULTIPART),
        (part("a", b"1") + END, {"content-type": f"multipart/form-data; boundary={BOUNDARY}; charset=nonsense"}),
        (gzip.compress(b"a=" + b"x" * 10_000_000), {**URLENCODED, "content-encoding": "gzip"}),
        (b"a=1", {"content-type": "nonsense"}),
        (b"a=1", {"content-type": ""}),
    ],
)
async def test_odd_forms_never_fail(client, body, headers):
    response = await client.post("/form/", content=body, headers=headers)
    assert response.status_code < 500


async def test_percent_signs_do_not_hold_up_the_loop(client):
    with cpu_time_within(0.6):
        await client.post("/form/", content=b"a=" + b"%41" * 800_000, headers=URLENCODED)


async def test_streams_have_no_limit_of_their_own(client):
    assert (await client.post("/stream/", content=b"x" * 5_000_000)).json() == {"size": 5_000_000}
