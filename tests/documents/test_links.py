from pathlib import Path

from harness.documents.links import dead_links


def test_links_that_lead_to_no_file_are_named_and_those_elsewhere_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "experiments").mkdir(parents=True)
    for name in ("there.md", "experiments/a b.png"):
        (folder / name).write_text("here", encoding="utf-8")
    document = (
        "[there](there.md#part), ![figure](experiments/a%20b.png), [folder](experiments), [gone](gone.md), "
        r"[above](../index.html), [elsewhere](https://example.org/x), [below](#below), \[text](not.md)"
    )
    assert dead_links(document, folder) == ["../index.html", "experiments", "gone.md"]
    assert dead_links(document, folder, later=[tmp_path / "index.html"]) == ["experiments", "gone.md"]


def test_targets_with_spaces_and_titles_are_followed(tmp_path: Path) -> None:
    (tmp_path / "there it is.md").write_text("")
    document = '[a](gone file.md) [b](there it is.md) [c](gone.md "a title") [d](there%20it%20is.md "a title")'
    assert dead_links(document, tmp_path) == ["gone file.md", "gone.md"]
