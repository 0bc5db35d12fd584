"""The benchmarks' own parts: what counts as the same answer, and how results get into the page."""

import json

import pytest

from benchmarks import instructions
from benchmarks.answers import WrongAnswer, comparable
from benchmarks.report import markdown, plot, refresh, targets, write

OURS = '[{"id":1,"date_joined":"2026-11-20T16:21:11.645612Z"}]'
DJANGO = '[{"id": 1, "date_joined": "2026-11-20T16:21:11.645Z"}]'


def results():
    cell = {"app_us": 100, "both_us": 200, "rate": 5000.0, "p50_ms": 5.0, "p99_ms": 9.0, "foreign": 0.0, "errors": 0}
    return {
        "machine": "a machine",
        "minutes": 3.0,
        "stacks": {"covet": "ours", "django": "theirs"},
        "workloads": {"row": "one row"},
        "load": {
            "row": {"covet": cell, "django": {**cell, "both_us": 1600.0, "p99_ms": 45.0}},
            "memory": {"covet": {"mb": 90.0}, "django": {"mb": 100.0}},
        },
        "layers": [["asyncpg", 10.0], ["all", 20.0]],
    }


def test_answers_are_the_same_in_django_s_spelling():
    assert comparable("rows", OURS) == comparable("rows", DJANGO)
    assert comparable("rows", OURS) != comparable("rows", OURS.replace(":11.", ":12."))
    assert comparable("m2m", '[{"tags":["b","a"]}]') == comparable("m2m", '[{"tags": ["a", "b"]}]')
    assert comparable("fortunes", "<td>&#39;&lt;</td>") == comparable("fortunes", "<td>&#x27;&lt;</td>\n")


def test_a_page_that_escapes_nothing_is_refused():
    with pytest.raises(WrongAnswer, match="not escaped"):
        comparable("fortunes", "<td><script>alert(1)</script></td>")


def test_each_target_has_its_figure():
    found = {name: (figure, met) for name, _, figure, met in targets(results())}
    assert found["app + database CPU, Django over ours: row"] == (8.0, True)
    assert found["p99 at 64 clients, Django over ours (least of row, rows, complex)"] == (5.0, True)
    assert found["app + database CPU, Django over ours: m2m"] == (None, None)


def test_results_are_written_and_put_into_the_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- results -->\nold<!-- end of results -->\nb\n<!-- layers -->\n<!-- end of layers -->\nc\n")
    write(results(), tmp_path, page)
    assert json.loads((tmp_path / "results.json").read_text()) == results()
    assert (tmp_path / "results.md").read_text() == markdown(results())
    assert (tmp_path / "results.svg").read_text() == plot(results())
    text = page.read_text()
    assert "old" not in text
    assert "| row | 200 | 1600 |" in text
    assert "| asyncpg | 10.0 |" in text
    assert text.startswith("a\n<!-- results -->\n\n## Targets")
    assert text.endswith("<!-- end of layers -->\nc\n")


def test_a_page_without_its_marks_is_refused(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="0 places for 'results'"):
        refresh(page, {"results": "x"})


def test_the_documentation_has_the_marks(tmp_path, pytestconfig):
    page = tmp_path / "performance.md"
    page.write_text((pytestconfig.rootpath / "docs" / "performance.md").read_text())
    refresh(page, {"results": "x", "layers": "y"})


def test_instructions_are_counted_a_call_and_without_the_counting(tmp_path):
    for number, (name, total) in enumerate([("nothing", 2000), ("get", 42_000), ("save", 22_000)], 9):
        text = f"version: 1\ndesc: Trigger: Client Request: {name}\nevents: Ir\ntotals: {total}\n"
        (tmp_path / f"counts.{number}").write_text(text)
    (tmp_path / "counts.12").write_text("desc: Trigger: Program termination\ntotals: 9\n")
    assert instructions.CALLS == 20
    assert list(instructions.read(tmp_path).items()) == [("get", 2000), ("save", 1000)]


def test_more_instructions_than_kept_are_told():
    kept = {"get": 1000, "save": 1000}
    assert instructions.judge({"get": 1050, "save": 10}, kept) == []
    assert instructions.judge({"get": 1051, "save": 10}, kept) == ["get: 1051 instructions; kept 1000, tolerated 1050"]
