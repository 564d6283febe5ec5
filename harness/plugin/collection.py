"""The checks as pytest items: one per criterion and scope, in the order of the study."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

from harness.criteria.criterion import Criterion

if TYPE_CHECKING:
    from harness.judging import Run
    from harness.plugin.judging import Judge

CHECK = "test_criterion"


@dataclass(frozen=True)
class Case:
    """One criterion on one scope: a model, a pair of models, or the run as a whole."""

    criterion: Criterion
    scope: str

    @property
    def id(self) -> str:
        """``tiny-llama-1.2-sums``."""
        return f"{self.scope}-{self.criterion.id}"


def cases_of(criteria: Sequence[Criterion], run: Run) -> list[Case]:
    """Every case there is: story by story, within a story scope by scope, within a scope in declared order."""
    cases = [Case(criterion, scope) for criterion in criteria for scope in run.scopes(criterion)]
    stories = list(dict.fromkeys(criterion.story for criterion in criteria))
    scopes = list(dict.fromkeys(case.scope for case in cases))
    return sorted(cases, key=lambda case: (stories.index(case.criterion.story), scopes.index(case.scope)))


def test_criterion(case: Case, judge: Judge) -> None:
    """The check that every file of a user's own is given."""
    judge(case)


class Collection:
    """Gives every check module the cases of its story, and the ``files`` of a user's own those that they declare."""

    def __init__(self, cases: Sequence[Case], files: Iterable[Path] = ()) -> None:
        self._cases = tuple(cases)
        self._files = frozenset(files)
        self._place = {case: place for place, case in enumerate(self._cases)}

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makemodule(self, module_path: Path) -> Generator[None, pytest.Module, pytest.Module]:
        """Give a file that only declares its check."""
        module = yield
        if module_path.resolve() in self._files:
            vars(module.obj).setdefault(CHECK, _check_in(module_path))
        return module

    def pytest_pycollect_makeitem(self, collector: pytest.Module | pytest.Class, name: str) -> list[pytest.Item] | None:
        """Collect nothing from a module that has no case in this run."""
        return [] if name == CHECK and self._of(getattr(collector, "obj", None)) == [] else None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item per case of the module."""
        cases = self._of(metafunc.module) if metafunc.function.__name__ == CHECK else None
        if cases is not None:
            marked = [
                pytest.param(case, id=case.id, marks=getattr(pytest.mark, case.criterion.study)) for case in cases
            ]
            metafunc.parametrize("case", marked)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Order the checks as the study does, after tests that are none."""
        items.sort(key=lambda item: -1 if (case := case_of(item)) is None else self._place[case])

    def _of(self, module: object) -> list[Case] | None:
        """The cases of a module, by its story or by where they are declared; None for a module that is no check's."""
        if story := getattr(module, "STORY", None):
            return [case for case in self._cases if case.criterion.story == story]
        file = Path(getattr(module, "__file__", None) or "").resolve()
        return [case for case in self._cases if case.criterion.file == file] if file in self._files else None


def case_of(item: pytest.Item) -> Case | None:
    """The case that an item checks; None for other tests."""
    call = getattr(item, "callspec", None)
    case = call.params.get("case") if call else None
    return case if isinstance(case, Case) else None


def is_check(nodeid: str) -> bool:
    """Whether a node id is that of a check."""
    return f"::{CHECK}[" in nodeid


def _check_in(file: Path) -> FunctionType:
    """:func:`test_criterion` as if it stood in ``file``, which is where pytest then says that it is."""
    code = test_criterion.__code__.replace(co_filename=str(file), co_firstlineno=1)
    return FunctionType(code, globals(), CHECK)
