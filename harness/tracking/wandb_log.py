"""Weights & Biases in a process of its own, which alone imports it: it keeps a run's log, or reads one back.

It hears of the run through its input, a message a line, and ends the log when the run says so, or when there is no run any
more, however that ended: what was said until then is on the disk. What it has to say itself comes out as one line of JSON.
"""

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

from harness.tracking.contents import Contents, Table
from harness.tracking.frames import DamagedLog, payloads
from harness.tracking.logged import Logged

if TYPE_CHECKING:
    import wandb

PROJECT = "codi-harness"
CONNECTED_WITHIN = 5.0
STARTED_WITHIN = 20.0
SENT_WITHIN = 60.0
"""Seconds: for a server to be reached, for it to know the run, and for what is left at the end of the run to be sent."""


def keep(output: Path, messages: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Keep a log in ``output`` as messages say; gives where it is, and what went wrong, once it is begun, and in the end."""
    lines = iter(messages)
    begin = json.loads(next(lines))
    run, notice = _begun(output, **begin)
    file = Path(run.settings.sync_file).relative_to(output.resolve())
    yield {"file": str(file), "notice": notice}
    exit_code = 1
    for line in lines:
        kind, content = json.loads(line)
        if kind == "advance":
            run.log(content)
        elif kind == "contents":
            _log(run, Contents(**{**content, "tables": {key: Table(**one) for key, one in content["tables"].items()}}))
            exit_code = 0
    try:
        run.finish(exit_code=exit_code)
    except TimeoutError:
        yield {"notice": "not all could be sent"}


def read(path: Path) -> Logged:
    """What a log's own file holds, up to where it is damaged."""
    damage = None
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    tags: list[str] = []
    finished = False
    try:
        for record in _records(path):
            match record.WhichOneof("record_type"):
                case "run":
                    tags = list(record.run.tags)
                    _fold(record.run.config.update, config)
                case "config":
                    _fold(record.config.update, config)
                case "summary":
                    _fold(record.summary.update, summary)
                case "history":
                    history.append(_fold(record.history.item, {}))
                case "exit":
                    finished = True
    except (DamagedLog, OSError) as error:
        damage = _said(error)
    media = {key: value for row in history for key, value in row.items() if _type(value)}
    files = path.parent / "files"
    tables = {key: _table(files / value["path"]) for key, value in media.items() if _type(value) == "table-file"}
    images = {key: _digest(files / value["path"]) for key, value in media.items() if _type(value) == "image-file"}
    plain = [{key: value for key, value in row.items() if not _type(value)} for row in history]
    return Logged(config, tags, plain, tables, images, summary, finished, damage)


def _begun(
    output: Path, mode: str, config: dict[str, Any], tags: list[str], name: str, group: str
) -> tuple["wandb.Run", str | None]:
    import wandb

    def begin(mode: Literal["offline", "online"]) -> "wandb.Run":
        return wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            dir=output,
            mode=mode,
            config=config,
            tags=tags,
            name=name,
            group=group,
            settings=_settings(),
        )

    if mode == "offline":
        return begin("offline"), None
    try:
        _reach(wandb.setup(settings=_settings()).settings.base_url)
        return begin("online"), None
    except Exception as error:
        with suppress(Exception):
            wandb.teardown(exit_code=1)
        return begin("offline"), f"{_said(error)}; kept offline"


def _settings() -> "wandb.Settings":
    """Nothing of the machine, the code or the terminal is looked at."""
    import wandb

    return wandb.Settings(
        console="off",
        silent=True,
        symlink=False,
        use_dot_wandb=False,
        save_code=False,
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        init_timeout=STARTED_WITHIN,
        finish_timeout=SENT_WITHIN,
        finish_timeout_raises=True,
    )


def _reach(url: str) -> None:
    """Errors: ``OSError`` where nobody answers at ``url``; behind a proxy that is not asked."""
    place = urlsplit(url)
    if place.scheme in getproxies():
        return
    port = place.port or {"http": 80, "https": 443}[place.scheme]
    try:
        socket.create_connection((place.hostname, port), CONNECTED_WITHIN).close()
    except OSError as error:
        raise OSError(f"{place.hostname}:{port} does not answer ({error.strerror or error})") from error


def _log(run: "wandb.Run", contents: Contents) -> None:
    import wandb

    run.config.update(contents.config, allow_val_change=True)
    run.tags = tuple(contents.tags)
    run.define_metric("layers/*", step_metric="layer")
    for row in (*contents.processed, *contents.by_layer):
        run.log(row)
    run.log(
        {
            **{
                key: wandb.Table(columns=one.columns, data=one.rows, allow_mixed_types=True)
                for key, one in contents.tables.items()
            },
            **{key: wandb.Image(str(path)) for key, path in contents.images.items()},
        }
    )
    run.summary.update(contents.summary)


def _records(path: Path) -> Iterator[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    for data in payloads(path.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        yield record


def _fold(items: Iterable[Any], into: dict[str, Any]) -> dict[str, Any]:
    """Set each item in nested dicts, by its path of keys."""
    for item in items:
        *parents, last = list(item.nested_key) or [item.key]
        place = into
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = json.loads(item.value_json)
    return into


def _type(value: Any) -> str | None:
    return value.get("_type") if isinstance(value, Mapping) else None


def _table(path: Path) -> Table:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Table([], [])
    return Table(content["columns"], content["data"])


def _digest(path: Path) -> str:
    from harness.files import file_digest

    return file_digest(path) if path.is_file() else ""


def _said(error: Exception) -> str:
    return shorten(f"{type(error).__name__}: {error}", 150)


def main() -> None:
    """``keep OUTPUT``, with messages on standard input, or ``read FILE``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("keep", "read"))
    parser.add_argument("path", type=Path)
    given = parser.parse_args()
    try:
        for answer in keep(given.path, sys.stdin.buffer) if given.what == "keep" else [asdict(read(given.path))]:
            _answer(answer)
    # Whatever it is, the run is told and goes on.
    except Exception as error:
        _answer({"error": _said(error)})


def _answer(content: dict[str, Any]) -> None:
    # A run that was killed does not listen, and its log is ended all the same.
    with suppress(BrokenPipeError):
        print(json.dumps(content), flush=True)


if __name__ == "__main__":
    main()
