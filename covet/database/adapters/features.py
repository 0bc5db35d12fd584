"""What each database can do: one place for every such question, under Django's names where it has one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Features:
    """The abilities of one server; `max_query_params` None means no limit worth minding."""

    vendor: str
    version: tuple[int, ...] = ()
    is_mariadb: bool = False
    has_returning: bool = True
    can_return_columns_from_insert: bool = True
    can_return_rows_from_bulk_insert: bool = True
    has_select_for_update: bool = True
    has_select_for_update_nowait: bool = True
    has_select_for_update_skip_locked: bool = True
    has_select_for_update_of: bool = True
    has_select_for_no_key_update: bool = False
    supports_transactions: bool = True
    can_rollback_ddl: bool = True
    uses_savepoints: bool = True
    can_distinct_on_fields: bool = False
    supports_nulls_distinct: bool = False
    supports_partial_indexes: bool = True
    supports_functions_in_partial_indexes: bool = True
    supports_expression_indexes: bool = True
    supports_covering_indexes: bool = False
    supports_index_on_text_field: bool = True
    supports_ignore_conflicts: bool = True
    supports_update_conflicts: bool = True
    supports_update_conflicts_with_target: bool = True
    supports_deferrable_unique_constraints: bool = False
    can_defer_constraint_checks: bool = False
    supports_json_field: bool = True
    supports_json_field_contains: bool = True
    supports_primitives_in_json_field: bool = True
    has_json_object_function: bool = True
    has_native_uuid_field: bool = False
    has_native_duration_field: bool = False
    has_native_json_field: bool = False
    has_real_datatype: bool = False
    supports_timezones: bool = True
    supports_temporal_subtraction: bool = True
    supports_over_clause: bool = True
    supports_frame_range_fixed_distance: bool = False
    supports_frame_exclusion: bool = False
    supports_aggregate_filter_clause: bool = True
    supports_aggregate_order_by_clause: bool = True
    supports_order_by_nulls_modifier: bool = True
    nulls_order_largest: bool = False
    order_by_nulls_first: bool = True
    supports_select_union: bool = True
    supports_select_intersection: bool = True
    supports_select_difference: bool = True
    supports_slicing_ordering_in_compound: bool = True
    supports_parentheses_in_compound: bool = True
    supports_boolean_expr_in_select_clause: bool = True
    supports_regex_backreferencing: bool = True
    supports_comments: bool = False
    supports_explaining_query_execution: bool = False
    supports_stored_generated_columns: bool = True
    supports_virtual_generated_columns: bool = False
    supports_tuple_comparison: bool = True
    supports_any_array: bool = False
    supports_copy: bool = False
    supports_unlimited_charfield: bool = False
    update_can_self_select: bool = True
    ignores_table_name_case: bool = False
    has_case_insensitive_like: bool = False
    interprets_empty_strings_as_nulls: bool = False
    allows_group_by_selected_pks: bool = False
    supports_combined_alters: bool = False
    max_query_params: int | None = None
    # The moment in UTC, for expressions that a test or a library writes itself; None: CURRENT_TIMESTAMP is in UTC.
    test_now_utc_template: str | None = None


POSTGRESQL = Features(
    vendor="postgresql",
    test_now_utc_template="STATEMENT_TIMESTAMP() AT TIME ZONE 'UTC'",
    has_select_for_no_key_update=True,
    can_distinct_on_fields=True,
    supports_nulls_distinct=True,
    supports_covering_indexes=True,
    supports_deferrable_unique_constraints=True,
    can_defer_constraint_checks=True,
    has_native_uuid_field=True,
    has_native_duration_field=True,
    has_native_json_field=True,
    has_real_datatype=True,
    supports_frame_exclusion=True,
    nulls_order_largest=True,
    order_by_nulls_first=False,
    supports_comments=True,
    supports_explaining_query_execution=True,
    supports_any_array=True,
    allows_group_by_selected_pks=True,
    supports_copy=True,
    supports_unlimited_charfield=True,
    supports_combined_alters=True,
    max_query_params=32767,
)

SQLITE = Features(
    vendor="sqlite",
    has_select_for_update=False,
    has_select_for_update_nowait=False,
    has_select_for_update_skip_locked=False,
    has_select_for_update_of=False,
    supports_json_field_contains=False,
    supports_timezones=False,
    supports_frame_range_fixed_distance=True,
    supports_frame_exclusion=True,
    supports_slicing_ordering_in_compound=False,
    supports_parentheses_in_compound=False,
    supports_virtual_generated_columns=True,
    supports_unlimited_charfield=True,
    has_case_insensitive_like=True,
    ignores_table_name_case=True,
    can_defer_constraint_checks=True,
    max_query_params=32766,
)

MYSQL = Features(
    vendor="mysql",
    test_now_utc_template="UTC_TIMESTAMP(6)",
    has_returning=False,
    can_return_columns_from_insert=False,
    can_return_rows_from_bulk_insert=False,
    can_rollback_ddl=False,
    supports_partial_indexes=False,
    supports_functions_in_partial_indexes=False,
    supports_update_conflicts_with_target=False,
    supports_index_on_text_field=False,
    supports_timezones=False,
    supports_aggregate_filter_clause=False,
    supports_aggregate_order_by_clause=False,
    supports_order_by_nulls_modifier=False,
    supports_slicing_ordering_in_compound=True,
    supports_comments=True,
    supports_explaining_query_execution=True,
    supports_virtual_generated_columns=True,
    has_native_json_field=True,
    has_case_insensitive_like=True,
    update_can_self_select=False,
    ignores_table_name_case=True,
    max_query_params=65535,
)

MARIADB = Features(
    **{
        **{name: getattr(MYSQL, name) for name in Features.__dataclass_fields__},
        "is_mariadb": True,
        "has_native_uuid_field": True,
        "has_returning": True,
        "can_return_columns_from_insert": True,
        "can_return_rows_from_bulk_insert": True,
        "has_select_for_update_of": False,
        "supports_expression_indexes": False,
        "has_native_json_field": False,
    }
)
