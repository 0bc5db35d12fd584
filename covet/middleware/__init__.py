"""Middleware: the base class for your own, and the layers that come with the house."""

from covet.exceptions import MiddlewareNotUsed
from covet.middleware.base import BaseMiddleware
from covet.middleware.cors import CORSMiddleware
from covet.middleware.hosts import TrustedHostMiddleware
from covet.middleware.limits import BodyLimitMiddleware
from covet.middleware.proxy import ProxyHeadersMiddleware
from covet.middleware.security import SecurityHeadersMiddleware

__all__ = [
    "BaseMiddleware",
    "CORSMiddleware",
    "SecurityHeadersMiddleware",
    "TrustedHostMiddleware",
    "BodyLimitMiddleware",
    "ProxyHeadersMiddleware",
    "MiddlewareNotUsed",
]
