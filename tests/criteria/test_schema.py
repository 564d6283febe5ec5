"""The shipped JSON Schema is the one the code keeps, and it accepts and refuses what it should."""

import jsonschema
import pytest

from harness.criteria.schema import schema, shipped
from harness.results import RunResult
from tests.criteria.test_rules import result


def content() -> dict[str, object]:
    judged = result("1.2-max", attainable=(0, 1), controls={"uniform": {"measured": 0.1, "passes": False}})
    return RunResult(run={"seed": 42}, phases=[], criteria=[judged]).model_dump(mode="json", by_alias=True)


def test_the_shipped_schema_is_current() -> None:
    assert shipped() == schema()


def test_a_result_file_is_valid() -> None:
    assert content()["schema"] == 1
    jsonschema.validate(content(), shipped())


@pytest.mark.parametrize("wrong", [{"verdict": "xfail"}, {"reach": "maybe"}, {"biased": None}, {"surprise": 1}])
def test_anything_else_is_refused(wrong: dict[str, object]) -> None:
    changed = content()
    changed["criteria"][0].update(wrong)  # type: ignore[index]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, shipped())
