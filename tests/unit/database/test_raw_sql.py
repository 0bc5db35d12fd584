"""What a caller's own SQL may not do on a connection that others get next."""

import pytest

from covet.database.adapters.raw_sql import refuse_transaction_control, touches_session
from covet.exceptions import TransactionManagementError


@pytest.mark.parametrize(
    "sql", ["BEGIN", " begin immediate", "-- x\nCOMMIT", "/* x */ Rollback", "START TRANSACTION", "SAVEPOINT a"]
)
def test_transactions_by_hand_are_refused(sql):
    with pytest.raises(TransactionManagementError, match="write `async with transaction"):
        refuse_transaction_control(sql)


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "CREATE FUNCTION f() AS 'BEGIN END'", "INSERT INTO begin VALUES (1)", "BEGINNING"]
)
def test_other_statements_pass(sql):
    refuse_transaction_control(sql)


@pytest.mark.parametrize(
    ("sql", "touches"),
    [
        ("SET search_path TO x", True),
        ("RESET ALL", True),
        ("LISTEN x", True),
        ("SELECT set_config('a', 'b', false)", True),
        ("SELECT pg_advisory_lock(1)", True),
        ("SELECT pg_try_advisory_lock(1)", True),
        ("SELECT GET_LOCK('a', 1)", True),
        ("SET LOCAL search_path TO x", False),
        ("SET TRANSACTION READ ONLY", False),
        ("UPDATE t SET a = 1", False),
        ("SELECT 1", False),
    ],
)
def test_session_state_is_noticed(sql, touches):
    assert touches_session(sql) is touches
