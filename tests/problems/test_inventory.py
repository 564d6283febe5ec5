import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.problems import Problem, ProblemSet, load_problems
from harness.problems.dataset_file import save_dataset
from harness.problems.inventory import FIELDS, entry_id, inventory_entry, missing_fields, update_inventory

FILE = PurePosixPath("../data/attention_dataset_2_train.json")
DRAWN = ProblemSet("set", "train", (Problem(3, "Q", "S", 1.0), Problem(5, "R", "S", 2.0)), 10, 42, "somewhere, MIT")


def entry(problems: ProblemSet = DRAWN, file: PurePosixPath = FILE, **texts: str) -> str:
    told = {"purpose": "attention patterns", "usage": "stories 1.2 to 1.5", "recipe": "pytest checks/"} | texts
    return inventory_entry(problems, file, **told)


def marked(id: str, text: str) -> str:
    return f"<!-- entry {id} -->\n{text}\n<!-- end of entry {id} -->\n"


def test_an_entry_states_every_field() -> None:
    text = entry()
    assert missing_fields(marked("a", text), "a") == []
    assert "sorted(random.Random(42).sample(range(10), 2))" in text
    assert "2 of the 10 problems of the train split" in text
    assert "- **Stratification:** N/A" in text
    assert "](../data/attention_dataset_2_train.json)" in text
    assert DRAWN.fingerprint in text


def test_the_entry_of_a_complete_split_says_so_and_how_long_it_takes() -> None:
    full = replace(DRAWN, split_size=2, seed=None)
    text = entry(full, stratification="None", expected_time="2 hours")
    assert missing_fields(marked("a", text), "a", (*FIELDS, "Expected time")) == []
    assert "2 problems (complete)" in text
    assert missing_fields(marked("a", entry(full)), "a", (*FIELDS, "Expected time")) == ["Expected time"]
    assert (entry_id(full), entry_id(DRAWN)) == ("set-train-full", "set-train-2")


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_gone_or_empty_is_missed(field: str) -> None:
    text = marked("a", entry())
    gone = re.sub(rf"^- \*\*{field}:.*\n", "", text, flags=re.MULTILINE)
    empty = re.sub(rf"^(- \*\*{field}:\*\*).*$", r"\1  ", text, flags=re.MULTILINE)
    assert gone != text != empty
    assert missing_fields(gone, "a") == missing_fields(empty, "a") == [field]


def test_fields_of_another_entry_do_not_count() -> None:
    assert missing_fields("", "a") == list(FIELDS)
    document = marked("b", entry()) + marked("a", "## Nothing") + marked("a2", entry())
    assert missing_fields(document, "a") == list(FIELDS)


def test_a_link_counts_only_when_its_file_is_there(tmp_path: Path) -> None:
    problems = load_problems("synthetic", n=2)
    name = "my (own) dätä.json"
    inventory = tmp_path / "docs" / "DATA_INVENTORY.md"
    update_inventory(inventory, "a", entry(problems, PurePosixPath("../data") / name))
    text = inventory.read_text(encoding="utf-8")
    assert missing_fields(text, "a", folder=inventory.parent) == ["Link"]
    save_dataset(problems, tmp_path / "data" / name, {})
    assert missing_fields(text, "a", folder=inventory.parent) == []


def test_an_entry_is_inserted_once_and_replaced_in_its_place(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "DATA_INVENTORY.md"
    for id in ("a", "b", "c"):
        assert update_inventory(path, id, f"text of {id}") == path
    first = path.read_bytes()
    written = path.stat().st_mtime_ns
    update_inventory(path, "b", "text of b")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (first, written)
    update_inventory(path, "b", "another\ntext")
    assert path.read_bytes() == first.replace(b"text of b", b"another\ntext")
    assert path.read_text(encoding="utf-8").startswith("# Data inventory\n")
    assert [file.name for file in path.parent.iterdir() if not file.name.startswith(".")] == ["DATA_INVENTORY.md"]


def test_what_people_wrote_around_the_entries_stays(tmp_path: Path) -> None:
    path = tmp_path / "DATA_INVENTORY.md"
    own = "# Ours\r\n\r\nÉcrit à la main.\r\n"
    path.write_bytes((own + marked("a", "old") + "After.\r\n").encode())
    update_inventory(path, "a", "new")
    assert path.read_bytes() == (own + marked("a", "new") + "After.\r\n").encode()
    update_inventory(path, "b", "more")
    assert path.read_bytes().startswith((own + marked("a", "new") + "After.").encode())


def test_an_entry_whose_end_mark_is_gone_is_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "DATA_INVENTORY.md"
    path.write_text("<!-- entry a -->\ntext\n" + marked("b", "text"), encoding="utf-8")
    with pytest.raises(HarnessError, match="has lost the mark that ends its entry a"):
        update_inventory(path, "a", "new")


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip))
def test_texts_from_data_cannot_break_out_of_their_field(text: str) -> None:
    named = replace(DRAWN, name=text, source=text)
    id = entry_id(named)
    assert re.fullmatch(r"[\w.~%-]+", id, re.ASCII)
    told = entry(named, PurePosixPath("../data/x.json"), purpose=text, usage=text, recipe=text)
    assert len(told.splitlines()) == len(entry().splitlines())
    assert "<!--" not in re.sub(r"^- \*\*Recipe:.*$", "", told, flags=re.MULTILINE)
    assert missing_fields(marked(id, told), id) == []


def test_a_recipe_with_backticks_stays_code() -> None:
    assert "- **Recipe:** `` echo `date` ``" in entry(recipe="echo `date`")
