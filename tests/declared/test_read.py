"""What is read from a user's files, and what is said when something in them is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.criteria.criterion import Criterion, Measurement
from harness.criteria.declare import Evaluation
from harness.criteria.registry import criteria
from harness.declared.read import own_criteria, shown
from harness.errors import HarnessError
from harness.statistics.planted import plant
from tests.declared.conftest import DECLARED

Write = Callable[..., Path]
SIZE: dict[str, Any] = {"n": 5, "L": 2, "H": 3, "T": 6, "seed": 0}


def only(file: Path) -> Criterion:
    (criterion,) = own_criteria([file])
    return criterion


def remembered_by(file: Path) -> str:
    measure = only(file).measure
    assert isinstance(measure, Evaluation)
    return measure.criterion_id


class TestReading:
    def test_a_criterion_is_what_was_declared_and_knows_its_file(self, write: Write) -> None:
        criterion = only(write())
        assert (criterion.id, criterion.story, criterion.study) == ("X.1-first", "X.1", "own")
        assert (criterion.kind, criterion.scope, criterion.rule.threshold) == ("hypothesis", "model", 0.25)
        assert criterion.file is not None and shown(criterion.file) == "mine/test_first.py"

    def test_criteria_of_several_files_come_in_the_order_of_the_files(self, write: Write) -> None:
        second = write("mine/test_b.py", DECLARED, ("X.1-first", "X.2-other"))
        assert [one.id for one in own_criteria([second, write("mine/test_a.py")])] == ["X.2-other", "X.1-first"]

    def test_data_classes_of_the_file_can_be_made(self, write: Write) -> None:
        """They look for the module that they are in by name."""
        text = "from dataclasses import dataclass\n@dataclass\nclass Kept:\n    a: 'int' = 1\nKept()\n"
        assert only(write(text=text + DECLARED)).id == "X.1-first"

    def test_an_acceptance_criterion_of_the_run_is_judged_too(self, write: Write) -> None:
        text = (
            "from harness.own import Criterion, Measurement, Rule\n"
            "CRITERIA = [Criterion('X.3-size', 'acceptance', 'Large enough', 'Problems.', Rule('>=', 5),\n"
            "                      lambda study: Measurement(len(study)), scope='run')]\n"
        )
        criterion = only(write(text=text))
        assert criterion.measure("sample") == Measurement(6)
        assert criterion.scope == "run"


class TestRemembering:
    def test_an_edited_measure_is_another_one(self, write: Write) -> None:
        before = remembered_by(write())
        assert before.startswith("X.1-first ")
        assert remembered_by(write(text=f"# a comment\n{DECLARED}")) == before
        assert remembered_by(write("mine/test_first.py", DECLARED, ("last[..., 0]", "last[..., 1]"))) != before

    @pytest.mark.parametrize("called", ["hypothesis(", "own.hypothesis("])
    def test_an_edited_threshold_leaves_what_it_does_not_decide(self, write: Write, called: str) -> None:
        text = f"from harness import own\n{DECLARED}".replace("    hypothesis(", f"    {called}")
        before = remembered_by(write(text=text))
        assert remembered_by(write("mine/test_first.py", text, ("0.25", "0.5"))) == before

    @pytest.mark.parametrize(
        "imported",
        ["import helping", "from helping import LIMIT", "from deeper import passed_on", "from mine import sub_helping"],
    )
    def test_what_a_file_imports_belongs_to_its_measure(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, imported: str
    ) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        write("mine/__init__.py", "")
        write("deeper.py", "from helping import LIMIT as passed_on")
        for name in ("helping.py", "mine/sub_helping.py"):
            write(name, "LIMIT = 1")
        # Inside a function it is not imported yet when the file has been run.
        text = f"def later():\n    {imported}\n{DECLARED}"
        before = remembered_by(write(text=text))
        write("mine/sub_helping.py" if "sub" in imported else "helping.py", "LIMIT = 2")
        assert remembered_by(write(text=text)) != before


class TestWrongInput:
    @pytest.mark.parametrize(
        ("before", "after", "said"),
        [
            ("CRITERIA = [", "CRITERIA = [(", "cannot be run: line 12: closing"),
            ("harness.own import", "harness.owner import", "cannot be run: ModuleNotFoundError: No module named"),
            ("CRITERIA = [", "1 / 0\nCRITERIA = [", r"ZeroDivisionError: division by zero \(line 10: 1 / 0\)"),
            ("CRITERIA = [", "CRITERIA = []\nOTHERS = [", "holds nothing; it takes a list of criteria"),
            ("CRITERIA = [", "CRITERIA = [1,", "holds int; it takes a list of criteria"),
            ("CRITERIA = [", "CRITERIA = 1 or [", "holds int; it takes a list of criteria"),
            ("X.1-first", "X.first", "'X.first' in mine/test_first.py is no id of a criterion"),
            ("X.1-first", "X-first", "is no id of a criterion: story and name are needed, such as X.1-first"),
            ("X.1-first", "X.1-a b", "is no id of a criterion"),
            ("X.1-first", criteria()[0].id, "takes a story of the study: those that begin with 1, 2, 3, 4, I, S, B are"),
            ("X.1-first", "B.9-first", "takes a story of the study"),
            ("X.1-first", "b.9-first", "takes a story of the study"),
            ('Rule(">", 0.25)', 'Rule("=>", 0.25)', "compares by '=>'; a rule takes one of: >= > <= <"),
            ('Rule(">", 0.25)', 'Rule(">", "0.25")', "has the threshold '0.25'; > takes a number"),
            ("within(0, 1))", 'within(0, 1)), rests_on=("1.2-nothing",)', "rests on '1.2-nothing', which is no validity"),
            ("within(0, 1))", 'within(0, 1)), rests_on=("1.2-max",)', "rests on '1.2-max', which is no validity"),
        ],
    )  # fmt: skip
    def test_it_is_said_in_one_paragraph(self, write: Write, before: str, after: str, said: str) -> None:
        file = write("mine/test_first.py", DECLARED, (before, after))
        with pytest.raises(HarnessError, match=said) as error:
            own_criteria([file])
        assert "mine/test_first.py" in str(error.value) and "\n" not in str(error.value)

    def test_an_id_is_declared_once(self, write: Write) -> None:
        first, second = write(), write("mine/test_second.py")
        with pytest.raises(HarnessError, match=r"in mine/test_second.py is declared in mine/test_first.py too"):
            own_criteria([first, second])
        twice = write("mine/test_first.py", DECLARED + "\nCRITERIA = CRITERIA * 2\n")
        with pytest.raises(HarnessError, match="is declared twice"):
            own_criteria([twice])

    def test_a_measure_that_fails_says_where(self, write: Write) -> None:
        measure = only(write("mine/test_first.py", DECLARED, ("    last =", "    mean.nothing\n    last ="))).measure
        assert isinstance(measure, Evaluation)
        with pytest.raises(HarnessError) as error:
            measure.of.of_mean(plant("none", 0, **SIZE))
        assert str(error.value) == (
            "X.1-first in mine/test_first.py cannot be measured: AttributeError: 'numpy.ndarray' object has no attribute "
            "'nothing' (line 6: mean.nothing)."
        )

    def test_a_criterion_whose_function_gives_no_measurement_says_so(self, write: Write) -> None:
        text = (
            "from harness.own import Criterion, Rule\n"
            "CRITERIA = [Criterion('X.3-n', 'acceptance', 'S', 'D.', Rule('>=', 5), lambda study: 7, scope='run')]\n"
        )
        with pytest.raises(HarnessError, match=r"X.3-n in .* its measure gave int; it must give a Measurement"):
            only(write(text=text)).measure(None)

    @pytest.mark.parametrize("name", ["NotApplicable", "NotMeasured"])
    def test_a_measure_may_say_that_it_is_not_to_be_had(self, write: Write, name: str) -> None:
        changes = (("import Mean", f"import {name}, Mean"), ("    last =", f"    raise {name}('too few')\n    last ="))
        measure = only(write("mine/test_first.py", DECLARED, *changes)).measure
        assert isinstance(measure, Evaluation)
        with pytest.raises(Exception, match=r"^too few$") as error:
            measure.of.of_mean(plant("none", 0, **SIZE))
        assert type(error.value).__name__ == name
