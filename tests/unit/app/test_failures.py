"""What exceptions are answered with: never a 5xx for input, never a secret."""

import datetime as dt
import decimal
import logging
import uuid

import pydantic
import pytest
from starlette.exceptions import HTTPException as StarletteHTTPException

from covet import exceptions
from covet.app import Covet
from covet.database.orm import signals
from covet.http import Http404
from covet.routing import Router
from covet.testing import TestClient

DATABASE_SECRET = "SELECT secret FROM vault"


class Signup(pydantic.BaseModel):
    name: str
    age: int


class NotFoundRow(exceptions.ObjectDoesNotExist):
    pass


RAISED = {
    "Http404": (Http404("No Post matches the given query."), 404, "No Post matches the given query."),
    "PermissionDenied": (exceptions.PermissionDenied(), 403, "Forbidden"),
    "BadRequest": (exceptions.BadRequest("no such size"), 400, "no such size"),
    "HTTPException": (exceptions.HTTPException(409, "taken", headers={"X-A": "1"}), 409, "taken"),
    "Starlette's": (StarletteHTTPException(418, "teapot"), 418, "teapot"),
    "DoesNotExist": (NotFoundRow(DATABASE_SECRET), 404, "Not Found"),
    "DataError": (exceptions.DataError(DATABASE_SECRET), 400, "Bad Request"),
    "IntegrityError": (exceptions.IntegrityError(DATABASE_SECRET), 409, "Conflict"),
    "OperationalError": (exceptions.OperationalError(DATABASE_SECRET), 503, "Service Unavailable"),
    "PoolTimeout": (exceptions.PoolTimeout(DATABASE_SECRET), 503, "Service Unavailable"),
    "InterfaceError": (exceptions.InterfaceError(DATABASE_SECRET), 503, "Service Unavailable"),
    "ProgrammingError": (exceptions.ProgrammingError(DATABASE_SECRET), 500, "Internal Server Error"),
    "SuspiciousOperation": (exceptions.SuspiciousOperation(DATABASE_SECRET), 400, "Bad Request"),
    "BadHeaderError": (exceptions.BadHeaderError("line break"), 400, "line break"),
    "anything": (RuntimeError(DATABASE_SECRET), 500, "Internal Server Error"),
}


def application(error, **options):
    app = Covet(Router(), middleware=[], **options)

    @app.get("/")
    async def index(request):
        raise error

    return app


async def get(app, path="/", **kwargs):
    async with TestClient(app, raise_server_exceptions=False) as client:
        return await client.get(path, **kwargs)


@pytest.mark.parametrize(("error", "status", "message"), RAISED.values(), ids=RAISED)
async def test_exceptions_become_statuses_without_secrets(error, status, message):
    response = await get(application(error))
    assert (response.status_code, response.json()) == (status, {"error": message})


@pytest.mark.parametrize(("error", "status", "message"), RAISED.values(), ids=RAISED)
async def test_pages_hold_no_secret_either(error, status, message):
    response = await get(application(error), headers={"accept": "text/html"})
    assert response.status_code == status
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert DATABASE_SECRET not in response.text


async def test_a_full_disk_is_507():
    error = exceptions.OperationalError("could not extend file")
    error.sqlstate = "53100"
    assert (await get(application(error))).status_code == 507


async def test_unavailable_says_when_to_come_back():
    assert (await get(application(exceptions.PoolTimeout("x")))).headers["retry-after"] == "1"


async def test_validation_errors_are_listed_by_field():
    error = exceptions.ValidationError({"name": ["too short"], "age": ["too young"]})
    response = await get(application(error))
    assert response.status_code == 400
    assert response.json() == {
        "error": "too short; too young",
        "errors": {"name": ["too short"], "age": ["too young"]},
    }


async def test_pydantic_errors_are_listed_by_field_without_the_input():
    app = Covet(Router(), middleware=[])

    @app.post("/")
    async def signup(request):
        return Signup(**request.json)

    async with TestClient(app) as client:
        response = await client.post("/", json={"name": "Ada", "age": "hunter2"})
        assert response.status_code == 400
        assert list(response.json()["errors"]) == ["age"]
        assert "hunter2" not in response.text
        assert (await client.post("/", json={"name": "Ada", "age": 36})).json() == {"name": "Ada", "age": 36}


CONVERSIONS = {
    "int": lambda value: int(value),
    "float": lambda value: float(value),
    "date": lambda value: dt.date.fromisoformat(value),
    "strptime": lambda value: dt.datetime.strptime(value, "%Y-%m-%d"),
    "decimal": lambda value: decimal.Decimal(value),
    "uuid": lambda value: uuid.UUID(value),
    "item": lambda value: {"small": 1}[value],
    "position": lambda value: ["small"].index(value),
    "overflow": lambda value: dt.timedelta(days=int("9" * 30)) if value else None,
    "field": lambda value: _raise(exceptions.FieldError(f"Cannot resolve keyword {value!r} into field.")),
}


def _raise(error):
    raise error


@pytest.mark.parametrize("convert", CONVERSIONS.values(), ids=CONVERSIONS)
async def test_a_conversion_of_what_the_client_sent_is_400(convert):
    app = Covet(Router(), middleware=[])

    @app.get("/")
    async def index(request):
        return {"value": str(convert(request.query_params["value"]))}

    response = await get(app, "/?value=7x")
    assert response.status_code == 400
    assert (await get(app, "/")).status_code == 400
    assert (await get(app, "/?value=" + "7x," * 2_000)).status_code == 400


async def test_a_conversion_of_something_else_is_a_bug():
    app = Covet(Router(), middleware=[])

    @app.get("/")
    async def index(request):
        return int("not from the client")

    assert (await get(app, "/?value=7x")).status_code == 500


async def test_line_breaks_from_clients_in_headers_are_400():
    app = Covet(Router(), middleware=[])

    @app.get("/")
    async def index(request):
        return {"a": 1}, 200, {"X-Name": request.GET["name"]}

    assert (await get(app, "/?name=a%0d%0aSet-Cookie:%20b=1")).status_code == 400
    assert (await get(app, "/?name=fine")).headers["x-name"] == "fine"


async def test_handlers_of_exceptions_and_statuses():
    app = application(KeyError("x"), exception_handlers={KeyError: lambda request, error: ({"custom": True}, 422)})
    app.exception_handler(404)(lambda request, error: "lost")
    assert (await get(app)).status_code == 422
    assert (await get(app, "/nothing/")).text == "lost"


async def test_the_client_raises_what_the_application_answered_with_500():
    async with TestClient(application(RuntimeError("boom"))) as client:
        with pytest.raises(RuntimeError, match="boom"):
            await client.get("/")


async def test_paths_cannot_forge_log_lines(caplog):
    caplog.set_level(logging.WARNING)
    await get(application(Http404()), "/x%0d%0aCRITICAL%20forged/")
    assert all("\n" not in record.getMessage() and "\r" not in record.getMessage() for record in caplog.records)


async def test_disallowed_hosts_are_400():
    app = application(Http404())
    for host in ("evil.com", "", "a b", "testserver\t"):
        response = await get(app, headers={"host": host})
        assert response.status_code == 400


async def test_allowed_hosts_are_remembered_and_forgotten_with_the_setting(settings):
    settings.ALLOWED_HOSTS = ["good.com"]
    app = Covet(Router(), middleware=[])
    app.get("/", lambda request: "x")
    messages = []

    async def request(*hosts):
        async def send(message):
            messages.append(message)

        async def receive():
            return {"type": "http.request"}

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b""}
        scope["headers"] = [(b"host", host) for host in hosts]
        await app(scope, receive, send)
        return messages[-2]["status"]

    assert await request(b"good.com") == 200
    assert await request(b"good.com") == 200
    assert await request(b"evil.com") == 400
    assert await request(b"good.com", b"evil.com") == 400
    assert await request(b"evil.com", b"good.com") == 400
    assert await request(b"good.com", b"good.com") == 400
    assert await request() == 400
    settings.ALLOWED_HOSTS = ["other.com"]
    assert await request(b"good.com") == 400


async def test_signals_frame_a_request_and_name_its_exception():
    told = []

    async def started(sender, scope, **kwargs):
        told.append(("started", sender, scope["path"]))

    def failed(sender, request, **kwargs):
        told.append(("failed", sender, request.path))

    def finished(sender, **kwargs):
        told.append(("finished", sender))

    receivers = [
        (signals.request_started, started),
        (signals.got_request_exception, failed),
        (signals.request_finished, finished),
    ]
    for signal, receiver in receivers:
        signal.connect(receiver)
    try:
        assert (await get(application(RuntimeError("boom")))).status_code == 500
        assert (await get(application(Http404("no such page")))).status_code == 404
    finally:
        for signal, receiver in receivers:
            assert signal.disconnect(receiver)
    frame = [("started", Covet, "/"), ("finished", Covet)]
    assert told == [frame[0], ("failed", None, "/"), frame[1], *frame]
