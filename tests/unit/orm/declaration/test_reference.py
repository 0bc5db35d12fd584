"""The reference of fields names every public field, with the columns that it really has."""

import re
from pathlib import Path

import pytest

from covet.database.orm import fields, relationships
from covet.database.orm.fields import postgres
from covet.database.orm.fields.base import Field

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "fields.md"


def _public() -> set[str]:
    return {
        name
        for module in (fields, relationships, postgres)
        for name in module.__all__
        if isinstance(getattr(module, name), type) and issubclass(getattr(module, name), Field)
    }


def test_every_field_is_named() -> None:
    """Promise 40."""
    # What only old migrations name, bases, and what Meta makes.
    unnamed = {
        "CommaSeparatedIntegerField", "Field", "ForeignObject", "IPAddressField", "NullBooleanField", "OrderWrt",
        "RangeField", "RelatedField", "SearchQueryField",
    }  # fmt: skip
    text = PAGE.read_text()
    assert {name for name in _public() - unnamed if f"`{name}" not in text} == set()


@pytest.mark.parametrize("vendor", ["postgresql", "sqlite", "mariadb"])
def test_columns_are_as_written(vendor: str) -> None:
    position = {"postgresql": 3, "sqlite": 4, "mariadb": 5}[vendor]
    for line in PAGE.read_text().splitlines():
        cells = line.split("|")
        for name in re.findall(r"`(\w+)", cells[1]) if line.startswith("| `") else ():
            if name in {"ForeignKey", "OneToOneField", "ManyToManyField", "CompositePrimaryKey", "GeneratedField"}:
                continue
            made = getattr(fields, name)(**({"max_digits": 9, "decimal_places": 3} if name == "DecimalField" else {}))
            wanted = cells[position].split(",")[0].strip().replace("numeric(d", "numeric(9")
            kind = re.sub(r"\([^()]*\)| AUTO_INCREMENT", "", made.db_type(vendor))
            assert kind == re.sub(r"\(.*", "", wanted) or made.db_type(vendor) == wanted, (name, vendor)
            assert ("CHECK" in cells[position]) == (made.db_check(vendor) is not None), (name, vendor)


def test_the_example_runs() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    exec(compile(code, str(PAGE), "exec"), {"__name__": "docs_fields"})
