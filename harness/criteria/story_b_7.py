"""Story B.7: what all that allows one to say about CT0, written from the verdicts."""

import re
from collections.abc import Sequence

from harness.criteria.behaviour_report import HEADINGS
from harness.criteria.criterion import Criterion, Measurement, Rule
from harness.criteria.evidence import ModelStudy
from harness.criteria.roles import CLAIMS, ROLES, Role, standing
from harness.documents.links import dead_links

_NAMED = re.compile(r"\[(B\.\d-[a-z0-9-]+)\]")


def written(study: ModelStudy) -> Measurement:
    """What is wrong with the saved report: sentences without a criterion, claims it must not make, links that lead nowhere."""
    report = study.behaviour_report
    path = study.absolute(report.path)
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    bare = [line for line in lines if line.startswith("- ") and not _NAMED.search(line)]
    missing = [
        name
        for name, claim in CLAIMS.items()
        if not any(claim in line and name in _NAMED.findall(line) for line in lines)
    ]
    places = _sections(lines)
    loose = [
        name
        for name, claim in CLAIMS.items()
        if any(
            line.startswith("- ") and claim in line and heading != HEADINGS[standing(study.judged(name))]
            for heading, line in places
        )
    ]
    # The report itself is written when all is judged.
    dead = dead_links(text, path.parent, [study.absolute("index.html")])
    wrong = [
        *(["it is not as it was written"] if text != report.text else []),
        *(f"no criterion behind: {line[:60]}" for line in bare),
        *(f"{name} is not in it" for name in missing),
        *(f"{name} stands in another place than its verdict allows" for name in loose),
        *(f"link to {link}" for link in dead),
    ]
    return Measurement(
        "present" if not wrong else f"wrong: {'; '.join(wrong[:3])}",
        beside={"sentences_with_criteria": sum(bool(_NAMED.search(line)) for line in lines)},
        artifacts=(report.path,),
    )


def _sections(lines: Sequence[str]) -> list[tuple[str, str]]:
    """Every line with the heading that it stands under."""
    heading, found = "", []
    for line in lines:
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        found.append((heading, line))
    return found


def roles(study: ModelStudy) -> Measurement:
    """How many of the three roles the saved report judges as the verdicts on their criteria allow."""
    report = study.behaviour_report
    rows = [
        [cell.strip(" *") for cell in line.strip("|").split("|")]
        for line in study.absolute(report.path).read_text(encoding="utf-8").splitlines()
        if line.startswith("|")
    ]
    saved = {row[0]: row[2] for row in rows if len(row) == 4}
    right = [role.name for role in ROLES if saved.get(role.name) == _allowed(study, role)]
    judged = report.roles
    return Measurement(
        f"{len(right)} of {len(ROLES)}",
        answer=". ".join(f"{one.role.name}: {one.verdict} ({one.reasons})" for one in judged),
        beside={one.role.name: one.verdict for one in judged},
        artifacts=(report.path,),
    )


def _allowed(study: ModelStudy, role: Role) -> str:
    """What the results on its criteria, looked at one by one, allow to say of a role."""
    results = [study.judged(name) for name in role.criteria]
    if any(one.verdict == "fail" and one.measured is not None for one in results):
        return "not supported"
    if any(one.verdict == "pass" and any(control.passes for control in one.controls.values()) for one in results):
        return "not supported"
    whole = all(one.verdict == "pass" and "contentless" in one.controls for one in results)
    return "supported" if whole else "untested"


CRITERIA = (
    Criterion(
        "B.7-report",
        "acceptance",
        "Comprehensive report",
        "Every sentence of the written report that states a finding names its criterion; all claims of the study are in it; "
        "none stands anywhere but where its criterion's verdict and controls put it; all its links lead to files; and it is as "
        "it was written.",
        Rule("is", "present"),
        written,
    ),
    Criterion(
        "B.7-roles",
        "acceptance",
        "Three claimed roles are judged",
        "A role is supported where all its hypotheses pass and no control does; not supported where one fails or a control "
        "passes it too; untested otherwise. Input aggregation: B.5-aggregation, B.1-ct0. Operation sequencing: B.2-reversal, "
        "B.2-shift-errors. Reasoning coordination: B.1-specific, B.3-operations, B.3-multistep.",
        Rule("is", "3 of 3"),
        roles,
    ),
)
