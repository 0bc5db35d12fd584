"""Requests and responses, under Django's and Starlette's names."""

from starlette.background import BackgroundTask, BackgroundTasks
from starlette.datastructures import UploadFile

from covet.exceptions import (
    BadHeaderError,
    BadJSON,
    BadRequest,
    ClientDisconnect,
    Http404,
    HTTPException,
    PermissionDenied,
)
from covet.http.anonymous import AnonymousUser
from covet.http.context import current_request
from covet.http.querydict import Form, QueryDict
from covet.http.request import Request
from covet.http.response import (
    BadRequestResponse,
    Forbidden,
    HTMLResponse,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseForbidden,
    HttpResponseGone,
    HttpResponseNotAllowed,
    HttpResponseNotFound,
    HttpResponseNotModified,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
    HttpResponseServerError,
    JSONResponse,
    JsonResponse,
    NotFound,
    PlainText,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from covet.http.shortcuts import (
    aget_list_or_404,
    aget_object_or_404,
    get_list_or_404,
    get_object_or_404,
    redirect,
    resolve_url,
)
from covet.http.streaming import FileResponse, StreamingHttpResponse, StreamingResponse
from covet.http.urls import ResolverMatch, resolve, reverse

HttpRequest = Request

__all__ = [
    "Request",
    "HttpRequest",
    "QueryDict",
    "Form",
    "UploadFile",
    "AnonymousUser",
    "current_request",
    "Response",
    "HTMLResponse",
    "PlainTextResponse",
    "PlainText",
    "JSONResponse",
    "RedirectResponse",
    "StreamingResponse",
    "FileResponse",
    "BackgroundTask",
    "BackgroundTasks",
    "HttpResponse",
    "JsonResponse",
    "StreamingHttpResponse",
    "HttpResponseRedirect",
    "HttpResponsePermanentRedirect",
    "HttpResponseNotModified",
    "HttpResponseBadRequest",
    "HttpResponseForbidden",
    "HttpResponseNotFound",
    "HttpResponseNotAllowed",
    "HttpResponseGone",
    "HttpResponseServerError",
    "BadRequestResponse",
    "Forbidden",
    "NotFound",
    "Http404",
    "HTTPException",
    "PermissionDenied",
    "BadRequest",
    "BadJSON",
    "BadHeaderError",
    "ClientDisconnect",
    "get_object_or_404",
    "aget_object_or_404",
    "get_list_or_404",
    "aget_list_or_404",
    "redirect",
    "resolve_url",
    "reverse",
    "resolve",
    "ResolverMatch",
]
