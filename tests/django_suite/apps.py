"""Which of Django's test apps describe the ORM, and which of them come first."""

from __future__ import annotations

from typing import Final

FIRST: Final = tuple(
    """
    basic get_or_create lookup queries aggregation aggregation_regress annotations expressions expressions_case
    db_functions model_fields select_related prefetch_related many_to_many many_to_one one_to_one m2m_through
    bulk_create update delete ordering or_lookups null_queries defer custom_managers dates datetimes
    """.split()
)

OTHERS: Final = tuple(
    """
    absolute_url_overrides async composite_pk constraints contenttypes_tests custom_columns custom_lookups
    custom_methods
    custom_pk datatypes defer_regress delete_regress dispatch distinct_on_fields empty expressions_window extra_regress
    field_deconstruction field_defaults field_subclassing filtered_relation force_insert_update foreign_object
    from_db_value
    generic_relations generic_relations_regress get_earliest_or_latest get_object_or_404 invalid_models_tests
    known_related_objects
    m2m_and_m2o m2m_intermediary m2m_multiple m2m_recursive m2m_regress m2m_signals m2m_through_regress m2o_recursive
    managers_regress many_to_one_null max_lengths model_enums model_indexes model_inheritance
    model_inheritance_regress model_meta model_options model_package model_regress multiple_database
    mutually_referential nested_foreign_keys null_fk null_fk_ordering order_with_respect_to pagination postgres_tests
    properties
    proxy_model_inheritance proxy_models queryset_pickle raw_query reserved_names reverse_lookup save_delete_hooks
    select_for_update select_related_onetoone select_related_regress
    serializers signals str string_lookup swappable_models timezones
    transaction_hooks transactions unmanaged_models update_only_fields validation validators xor_lookups
    """.split()
)

APPS: Final = tuple(sorted(FIRST + OTHERS))
