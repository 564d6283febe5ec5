import re

from hypothesis import given
from hypothesis import strategies as st

from harness.documents.markdown import code, plain, table

MARKS = set("\\`*_{}[]<>&#|~")


@given(st.text())
def test_text_is_one_line_in_which_every_mark_is_escaped(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert not MARKS & set(re.sub(r"\\.", "", shown))
    assert re.sub(r"\\(.)", r"\1", shown) == " ".join(text.split())


def test_a_code_span_is_longer_fenced_than_any_backticks_in_it() -> None:
    assert code("pytest") == "`pytest`"
    assert code("a `b` c") == "`` a `b` c ``"
    assert code("a ``b`` c") == "``` a ``b`` c ```"


def test_a_table_has_as_many_cells_in_every_line() -> None:
    lines = list(table(["one", "two"], [["1", plain("a|b")], ["3", ""]]))
    assert lines == ["| one | two |", "| --- | --- |", r"| 1 | a\|b |", "| 3 |  |"]
