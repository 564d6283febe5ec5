"""What files of a user's own declare."""

import ast
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

from harness.criteria.criterion import OWN, STUDIES, Criterion, Rule
from harness.criteria.declare import Evaluation
from harness.criteria.registry import criteria
from harness.criteria.remembered import without_rules
from harness.declared.find import NAME
from harness.declared.guard import failure, guarded, guarded_measure, measuring
from harness.errors import HarnessError
from harness.files import digest, file_digest

_ID = re.compile(r"\w+\.\d+-[\w.-]+")
_COMPARATORS = get_args(get_type_hints(Rule)["comparator"])
_INSTALLED = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]
_HARNESS = Path(__file__).parents[1]


def own_criteria(files: Iterable[Path]) -> tuple[Criterion, ...]:
    """The criteria that ``files`` declare, in order. Each knows its file; measurements are remembered by the code there.

    Errors: ``HarnessError`` for a file that cannot be run, and for a declaration that cannot be judged.
    """
    declared: dict[str, Criterion] = {one.id: one for one in criteria()}
    own: list[Criterion] = []
    for file in files:
        found = _read(file)
        code = digest(without_rules(file), *map(file_digest, _helpers(file)))[:12]
        for criterion in found:
            _check(criterion, file, declared)
            declared[criterion.id] = _as_own(criterion, file, code)
            own.append(declared[criterion.id])
    for criterion in own:
        _check_grounds(criterion, declared)
    return tuple(own)


def shown(file: Path) -> str:
    """A file as a command names it: from the current folder where it is inside."""
    return file.relative_to(Path.cwd()).as_posix() if file.is_relative_to(Path.cwd()) else str(file)


def _read(file: Path) -> tuple[Criterion, ...]:
    """Run a file and take what it declares."""
    module = ModuleType(f"own_{digest(str(file))[:12]}")
    module.__file__ = str(file)
    sys.modules[module.__name__] = module
    try:
        # Compiled here: what Python keeps of a file is found again by its time in whole seconds.
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)
    except Exception as error:
        raise HarnessError(f"{shown(file)} cannot be run: {failure(error, file)}.") from error
    declared = module.__dict__.get(NAME)
    listed = declared if isinstance(declared, list | tuple) else (declared,)
    wrong = [type(one).__name__ for one in listed if not isinstance(one, Criterion) or listed is not declared]
    if wrong or not declared:
        raise HarnessError(
            f"{NAME} in {shown(file)} holds {wrong[0] if declared else 'nothing'}; it takes a list of criteria, as "
            "hypothesis(...) of harness.own gives them."
        )
    return tuple(listed)


def _check(criterion: Criterion, file: Path, declared: dict[str, Criterion]) -> None:
    """Errors: ``HarnessError`` for an id or a rule that would not do."""
    here = f"{criterion.id!r} in {shown(file)}"
    if not _ID.fullmatch(criterion.id):
        raise HarnessError(f"{here} is no id of a criterion: story and name are needed, such as X.1-first.")
    first = criterion.story.split(".")[0]
    if criterion.study != OWN or first.upper() in STUDIES:
        raise HarnessError(
            f"{here} takes a story of the study: those that begin with {', '.join(STUDIES)} are its own. Begin with another "
            "letter or word, such as X.1."
        )
    if criterion.id in declared:
        other = declared[criterion.id].file
        where = "twice" if other in (file, None) else f"in {shown(other)} too"
        raise HarnessError(f"{here} is declared {where}; every criterion needs an id of its own.")
    rule = criterion.rule
    if rule.comparator not in _COMPARATORS:
        raise HarnessError(f"{here} compares by {rule.comparator!r}; a rule takes one of: {' '.join(_COMPARATORS)}.")
    if rule.has_one_threshold and (isinstance(rule.threshold, bool) or not isinstance(rule.threshold, int | float)):
        raise HarnessError(f"{here} has the threshold {rule.threshold!r}; {rule.comparator} takes a number.")


def _check_grounds(criterion: Criterion, declared: dict[str, Criterion]) -> None:
    """Errors: ``HarnessError`` where it rests on what is no validity criterion."""
    for ground in criterion.rests_on:
        if ground not in declared or declared[ground].kind != "validity":
            assert criterion.file
            raise HarnessError(
                f"{criterion.id!r} in {shown(criterion.file)} rests on {ground!r}, which is no validity criterion; "
                "`codi-harness criteria` lists them."
            )


def _as_own(criterion: Criterion, file: Path, code: str) -> Criterion:
    """The criterion with its file, its measure telling where it fails, and its measurements remembered by ``code``."""
    where = f"{criterion.id} in {shown(file)}"
    measure: Callable[[Any], Any] = criterion.measure
    if isinstance(measure, Evaluation):
        measure = replace(measure, criterion_id=f"{criterion.id} {code}", of=guarded_measure(measure.of, where, file))
    else:
        measure = guarded(measuring(measure), where, file)
    return replace(criterion, file=file, measure=measure)


def _helpers(file: Path) -> list[Path]:
    """What a file imports, and what that imports, and so on, as far as it is neither installed nor the harness itself."""
    found = [file]
    for source in found:
        found += [one for one in dict.fromkeys(_imported(source)) if one not in found]
    return found[1:]


def _imported(source: Path) -> Iterator[Path]:
    try:
        tree = ast.parse(source.read_text(encoding="utf-8"))
    except SyntaxError:
        return
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # What is imported from a package may be a module of it.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            yield from _files_of(name)


def _files_of(name: str) -> Iterator[Path]:
    """The files of a module and of the packages it is in, where these are neither installed nor the harness; none is run."""
    top, *inside = name.split(".")
    spec = None if top in sys.stdlib_module_names else find_spec(top)
    if spec is None or _is_installed([*(spec.submodule_search_locations or ()), spec.origin]):
        return
    places, file = [Path(one) for one in spec.submodule_search_locations or ()], spec.origin
    yield from [Path(file).resolve()] if file else []
    for part in inside:
        found = [place / f"{part}.py" for place in places] + [place / part / "__init__.py" for place in places]
        yield from (one.resolve() for one in found if one.is_file())
        places = [place / part for place in places]


def _is_installed(places: Iterable[str | None]) -> bool:
    known = [_HARNESS, *_INSTALLED]
    return any(Path(place).resolve().is_relative_to(one) for place in places if place for one in known)
