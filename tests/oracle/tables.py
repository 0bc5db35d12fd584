"""Creates the zoo's tables as Django does."""

from tests.oracle import zoo
from tests.oracle.process import set_up


def declared(fw: object, vendor: str) -> list[object]:
    """The zoo's models that this vendor can hold, those between many-to-many fields included."""
    zoo.plain(fw)
    if vendor != "mysql":
        zoo.partial(fw)
    if vendor == "postgresql":
        zoo.postgres(fw)
    return list(fw.apps.all_models[zoo.LABEL].values())


def create(url: str, vendor: str) -> None:
    """Let Django's schema editor create the tables in the database at `url`."""
    set_up(url)
    from django.db import connection

    with connection.schema_editor() as editor:
        for model in declared(zoo.framework("django"), vendor):
            if not model._meta.proxy and not model._meta.auto_created:
                editor.create_model(model)
