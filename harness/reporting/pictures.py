"""Artefacts of the output folder: small pictures inside the page, everything else as links relative to it."""

import base64
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

THUMBNAIL = 360
"""Width in pixels of the pictures inside the page: with a hundred of them it still opens at once."""


class Pictures:
    """Artefacts of one output folder, for one page: no picture's bytes come twice."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self._seen: dict[str, str] = {}

    def drawable(self, path: str) -> bool:
        """Whether it is a picture that is there."""
        return path.endswith(".png") and (self.output / path).is_file()

    def link(self, path: str) -> dict[str, str | bool]:
        """Path, address, and whether the file is there."""
        return {"path": path, "href": quote(path), "exists": (self.output / path).exists()}

    def thumbnail(self, path: str) -> dict[str, str]:
        """The first row that shows a figure carries its bytes; the others point to it by key."""
        picture = {"path": path, "href": quote(path), "name": Path(path).stem, "src": "", "key": ""}
        pdf = Path(path).with_suffix(".pdf")
        picture["pdf"] = quote(str(pdf)) if (self.output / pdf).is_file() else ""
        if path not in self._seen:
            self._seen[path] = f"t{len(self._seen)}"
            file = self.output / path
            picture["src"] = _embedded(file, file.stat().st_mtime_ns)
        picture["key"] = self._seen[path]
        return picture


@lru_cache(maxsize=512)
def _embedded(file: Path, written: int) -> str:
    """The small picture as an address; a session renders its report twice, and most figures stay as they are."""
    from harness.figures.save import thumbnail

    return "data:image/png;base64," + base64.b64encode(thumbnail(file, THUMBNAIL)).decode()
