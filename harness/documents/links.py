"""Links of Markdown documents, and those that lead nowhere."""

import re
from collections.abc import Collection
from pathlib import Path
from urllib.parse import unquote

_LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(([^)\s]+)\)")


def dead_links(document: str, folder: Path, later: Collection[Path] = ()) -> list[str]:
    """Relative links of a document in ``folder`` that lead to no file, nor to one of those written ``later``."""
    targets = {target.partition("#")[0] for target in _LINK.findall(document) if "://" not in target}
    places = {target: (folder / unquote(target)).resolve() for target in sorted(targets) if target}
    awaited = {path.resolve() for path in later}
    return [target for target, place in places.items() if not (place.is_file() or place in awaited)]
