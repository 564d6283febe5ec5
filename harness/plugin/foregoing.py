"""The phases that others come after: told before the first check that comes after them, and waited for where that is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from harness.criteria.criterion import Measurement
from harness.criteria.judged import judged_result
from harness.criteria.phases import Standing, phases_before, standings
from harness.documents import phrases
from harness.plugin.collection import Case, case_of
from harness.plugin.verdict_store import VerdictStore
from harness.results import CriterionResult

if TYPE_CHECKING:
    from harness.judging import Run


class Foregoing:
    """Knows how the phases before a case came out.

    What the session does not collect was not run; what another process judges is judged here too, as for every criterion
    that needs the verdict on another one. With ``required``, a case whose foregoing phases did not all pass is left out.
    """

    def __init__(self, run: Run, store: VerdictStore, say: Callable[[str], None], *, required: bool) -> None:
        self._run = run
        self._store = store
        self._say = say
        self._required = required
        self._collected: dict[tuple[str, str], Case] = {}
        self._known: dict[tuple[str, str], list[Standing]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Remember what is run in this session, be it in this process or in another."""
        cases = [case for item in session.items if (case := case_of(item)) is not None]
        self._collected = {(case.scope, case.criterion.id): case for case in cases}

    def why_not(self, case: Case) -> str:
        """Why a case is to be left out; empty where it is to be judged.

        Errors: ``HarnessError`` as for judging what it comes after.
        """
        if case.criterion.scope != "model":
            return ""
        study, scope = case.criterion.study, case.scope
        if (study, scope) not in self._known:
            self._known[study, scope] = standings(study, self._before(study, scope))
            self._tell(study, scope)
        missing = [one.sentence for one in self._known[study, scope] if not one.passed]
        if not missing or not self._required:
            return ""
        phases = phrases.joined([phase.id for phase in phases_before(study)])
        return f"needs {phases} to pass (--stop-unless-passed): {'. '.join(missing)}"

    def _before(self, study: str, scope: str) -> dict[str, CriterionResult]:
        deciding = [name for phase in phases_before(study) for name in phase.conditions]
        cases = [self._collected[scope, name] for name in deciding if (scope, name) in self._collected]
        return {case.criterion.id: self._run.judge(case.criterion, scope) for case in cases}

    def _tell(self, study: str, scope: str) -> None:
        known = self._known[study, scope]
        said = [f"{one.sentence}." for one in known if one.sentence]
        if self._required and not all(one.passed for one in known):
            said.append(f"{study} is not run (--stop-unless-passed).")
        if said and self._store.claim(f"before {study} of {scope}"):
            self._say(f"{scope}, before {study}: {' '.join(said)}")


def left_out(case: Case, why: str) -> CriterionResult:
    """The result of a case that is not judged."""
    return judged_result(case.criterion, case.scope, Measurement(None, reason=why), "skipped")
