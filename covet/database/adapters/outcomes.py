"""What a failed call means for its connection and for a second attempt; the adapters judge, the leases obey."""

from __future__ import annotations

import enum


class Verdict(enum.Enum):
    """The meaning of an exception that came out of a driver."""

    ERROR = "the statement failed and had no effect; the connection is well"
    STALE = "the prepared statement was outdated, nothing happened: prepare again"
    MISFIT = "a value does not fit the type that the parameter had when the statement was prepared; nothing happened"
    STALE_DONE = "the result could not be decoded with the known types; the statement did run"
    UNSENT = "the connection was found dead before anything was sent"
    DEAD = "the connection was lost; what was sent may have happened"
    READ_ONLY = "the server refuses writes: it is no longer the primary"
    INTERRUPTED = "the task was cancelled or timed out in the middle of the call"
