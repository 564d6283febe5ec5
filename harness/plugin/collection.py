"""The checks as pytest items: one per criterion and scope, in the order of the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.criteria.criterion import Criterion

if TYPE_CHECKING:
    from harness.judging import Run

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


class Collection:
    """Gives every check module the cases of its story."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = tuple(cases)
        self._place = {case: place for place, case in enumerate(self._cases)}

    def pytest_pycollect_makeitem(self, collector: pytest.Module | pytest.Class, name: str) -> list[pytest.Item] | None:
        """Collect nothing from a module whose story has no case in this run."""
        if name == CHECK and (story := _story(collector)) is not None and not self._of(story):
            return []
        return None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One item per case of the module's story."""
        story = _story(metafunc.module)
        if metafunc.function.__name__ == CHECK and story is not None:
            marked = [
                pytest.param(case, id=case.id, marks=getattr(pytest.mark, case.criterion.study))
                for case in self._of(story)
            ]
            metafunc.parametrize("case", marked)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Order the checks as the study does, after tests that are none."""
        items.sort(key=lambda item: -1 if (case := case_of(item)) is None else self._place[case])

    def _of(self, story: str) -> list[Case]:
        return [case for case in self._cases if case.criterion.story == story]


def case_of(item: pytest.Item) -> Case | None:
    """The case that an item checks; None for other tests."""
    call = getattr(item, "callspec", None)
    case = call.params.get("case") if call else None
    return case if isinstance(case, Case) else None


def is_check(nodeid: str) -> bool:
    """Whether a node id is that of a check."""
    return f"::{CHECK}[" in nodeid


def _story(where: object) -> str | None:
    return getattr(getattr(where, "obj", where), "STORY", None)
