"""Every single change is detected, applied with the rows kept, and rolled back, on every database."""

from pathlib import Path

import pytest

from covet.database.migrations.states.base import ColumnState
from tests.integration.migrations.laboratory import laboratory, make_models
from tests.integration.migrations.single_changes import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
async def test_change_is_detected_applied_and_rolled_back(case: Case, database_url: str, tmp_path: Path) -> None:
    async with laboratory(database_url, tmp_path) as lab:
        vendor = lab.adapter.vendor
        if vendor not in case.vendors:
            pytest.skip(f"{vendor} has no such thing")
        await lab.auto(make_models(**case.before()))
        assert await lab.apply() == ["0001_initial"]
        assert (await lab.auto(make_models(**case.before()))).notes == []
        before = await lab.schema()
        await lab.insert("lab_other")
        row = await lab.insert("lab_thing")

        found = await lab.auto(make_models(**case.after()), "Change", **case.answers)
        if not case.note:
            assert found.notes == []
            return
        assert any(case.note in note for note in found.notes), found.notes
        assert await lab.apply() == ["0002_change"]
        again = await lab.auto(make_models(**case.after()))
        assert again.notes == [], f"{found.source}\n{again.source}"
        table = "things" if case.name == "other table" else "lab_thing"
        kept = (await lab.all(table))[0]
        same = {
            name
            for name in row
            if name in kept
            and case.name != "other expression"
            and _kind(before["lab_thing"].columns[name]) == _kind((await lab.schema())[table].columns[name])
        }
        assert {name: kept[name] for name in same} == {name: row[name] for name in same}
        assert len(same) >= 3 or case.name == "other expression"

        assert await lab.rollback() == ["0002_change"]
        (lab.folder / "0002_change.py").unlink()
        assert (await lab.auto(make_models(**case.before()), dry_run=True)).notes == []
        assert len(await lab.all("lab_thing")) == 1


def _kind(column: ColumnState) -> str:
    """Without names, a check of the sign reads like a positive integer's."""
    return column.type.removesuffix(" unsigned")
