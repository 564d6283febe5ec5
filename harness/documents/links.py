"""Links of Markdown documents, and those that lead nowhere."""

import re
from collections.abc import Collection
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

SCRIPTED = "ch-js-only"
"""The class of what is shown only where scripts run; where it leads, a script has made."""

_LINK = re.compile(r'(?<!\\)!?\[[^\]]*\]\(([^)"]+?)(?:\s+"[^"]*")?\)')


def dead_links(document: str, folder: Path, later: Collection[Path] = ()) -> list[str]:
    """Relative links of a document in ``folder`` that lead to no file, nor to one of those written ``later``."""
    targets = {target.partition("#")[0] for target in _LINK.findall(document) if "://" not in target}
    places = {target: (folder / unquote(target)).resolve() for target in sorted(targets) if target}
    awaited = {path.resolve() for path in later}
    return [target for target, place in places.items() if not (place.is_file() or place in awaited)]


def dead_links_of_page(page: str, folder: Path) -> list[str]:
    """What a page of HTML in ``folder`` links to or shows that is neither a file nor a place in the page itself."""
    read = _Page()
    read.feed(page)
    inside = {target for target in read.targets if target.startswith("#")}
    dead = {target for target in inside if len(target) > 1 and unquote(target[1:]) not in read.places}
    relative = {target for target in read.targets - inside if not urlsplit(target).scheme}
    dead |= {target for target in relative if not (folder / unquote(target.partition("#")[0])).exists()}
    return sorted(dead)


class _Page(HTMLParser):
    """Collects where a page leads, and the places in it."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        if SCRIPTED not in given.get("class", "").split():
            self.targets |= {given[name] for name in ("href", "src") if name in given}
        self.places |= {given[name] for name in ("id", "name") if name in given}
