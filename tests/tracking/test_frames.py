"""Logs in the frames that Weights & Biases writes, held against its own writer."""

from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tracking.frames import DamagedLog, payloads

datastore = pytest.importorskip("wandb.sdk.internal.datastore", reason="the newest versions have no writer in Python")

BLOCK = 1 << 15
NUMBERS = count()
SIZES = st.lists(
    st.one_of(st.integers(1, 200), st.integers(BLOCK - 30, BLOCK + 5), st.integers(1, 3 * BLOCK)), max_size=12
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


def write(folder: Path, records: list[bytes]) -> bytes:
    """The bytes of a log of these records, by the library's own writer."""
    path = folder / f"{next(NUMBERS)}.wandb"
    store = datastore.DataStore()
    store.open_for_write(str(path))
    for record in records:
        store._write_data(record)
    store.close()
    return path.read_bytes()


def records_of(sizes: list[int]) -> list[bytes]:
    return [bytes([1 + number % 250]) * size for number, size in enumerate(sizes)]


def read(content: bytes) -> tuple[list[bytes], str]:
    """The records, and what was said of damage."""
    found = []
    try:
        for record in payloads(content):
            found.append(record)
    except DamagedLog as damage:
        return found, str(damage)
    return found, ""


@settings(deadline=None, max_examples=40)
@given(sizes=SIZES)
def test_every_record_is_read_as_it_was_written(folder: Path, sizes: list[int]) -> None:
    records = records_of(sizes)
    assert read(write(folder, records)) == (records, "")


@pytest.mark.parametrize("left", range(9))
def test_what_is_too_little_of_a_block_for_a_record_is_passed_over(folder: Path, left: int) -> None:
    records = records_of([BLOCK - 14 - left, 5, 2 * BLOCK])
    assert read(write(folder, records)) == (records, "")


@settings(deadline=None, max_examples=40)
@given(sizes=SIZES.filter(bool), share=st.floats(0, 1, exclude_max=True))
def test_what_was_cut_off_is_read_up_to_there(folder: Path, sizes: list[int], share: float) -> None:
    records = records_of(sizes)
    whole = write(folder, records)
    cut = whole[: 7 + int((len(whole) - 7) * share)]
    found, said = read(cut)
    assert found == records[: len(found)]
    assert len(found) < len(records)
    between_records = len(cut) - len(write(folder, found)) < 7
    assert said or between_records


@settings(deadline=None, max_examples=40)
@given(sizes=SIZES.filter(bool), share=st.floats(0, 1, exclude_max=True))
def test_a_byte_that_changed_is_noticed(folder: Path, sizes: list[int], share: float) -> None:
    records = records_of(sizes)
    whole = bytearray(write(folder, records))
    place = 7 + int((len(whole) - 7) * share)
    whole[place] ^= 0xFF
    found, said = read(bytes(whole))
    assert found == records[: len(found)]
    padding = found == records
    assert said or padding


def test_a_part_of_a_record_alone_is_damage(folder: Path) -> None:
    whole = write(folder, records_of([3 * BLOCK, 10]))
    found, said = read(whole[:7] + whole[BLOCK:])
    assert (found, said) == ([], "a part of a record is missing at byte 7")


def test_another_file_is_no_log() -> None:
    assert read(b"nothing of the kind") == ([], "this is no log of Weights & Biases")
    assert read(b"") == ([], "this is no log of Weights & Biases")
