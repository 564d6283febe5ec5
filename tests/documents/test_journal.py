from pathlib import Path

from harness.documents.journal import JournalEntry, write_entry

ENTRY = JournalEntry(
    key="flow-1",
    date="2026-03-04",
    name="Attention flow of a_b",
    models=["a_b", "c"],
    dataset="100 problems of <gsm8k>",
    in_short="All is well.",
    findings=["One. [1.2-max]", "Two. [1.3-top]"],
    links=[("document", "experiments/x.md"), ("data", "../results/y.json")],
)


def test_an_entry_has_date_name_models_size_short_summary_findings_and_links(tmp_path: Path) -> None:
    text = write_entry(tmp_path / "journal.md", ENTRY).read_text(encoding="utf-8")
    assert text.startswith("# Research journal\n")
    assert r"## 2026-03-04 · Attention flow of a\_b" in text
    assert r"- **Models:** a\_b, c" in text
    assert r"- **Dataset:** 100 problems of \<gsm8k\>" in text
    assert "- **TL;DR:** All is well." in text
    assert "  1. One. [1.2-max]\n  2. Two. [1.3-top]\n" in text
    assert "- **Links:** [document](experiments/x.md), [data](../results/y.json)" in text


def test_the_same_experiment_run_again_changes_its_entry_and_adds_none(tmp_path: Path) -> None:
    path = tmp_path / "journal.md"
    write_entry(path, ENTRY)
    write_entry(path, JournalEntry(**{**ENTRY.__dict__, "key": "flow-2", "date": "2026-03-05"}))
    write_entry(path, JournalEntry(**{**ENTRY.__dict__, "date": "2026-03-06", "in_short": "All is better."}))
    text = path.read_text(encoding="utf-8")
    assert text.count("\n## ") == 2
    assert text.index("2026-03-05") < text.index("2026-03-06")
    assert text.count("All is well.") == text.count("All is better.") == 1
