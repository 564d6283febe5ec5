"""Throw-away git repositories."""

import subprocess
from pathlib import Path


class Repository:
    """A repository in a folder, with someone who commits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Someone")
        self.git("config", "user.email", "someone@example.org")
        self.git("config", "core.excludesFile", "/dev/null")

    def git(self, *arguments: str) -> str:
        """What git says. Errors: ``CalledProcessError``."""
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def write(self, name: str, text: str = "something\n") -> Path:
        """A file of the working tree."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self, *names: str) -> str:
        """Commit files past all hooks; returns the short name of the commit."""
        self.git("add", "--", *names)
        self.git("commit", "--quiet", "--no-verify", "--message", "a commit")
        return self.git("rev-parse", "--short", "HEAD")

    def state(self) -> tuple[str, str, str, str]:
        """All that committing, staging or stashing would change."""
        refs = self.git("for-each-ref") + self.git("stash", "list")
        return self.git("rev-parse", "HEAD"), self.git("reflog"), self.git("ls-files", "--stage"), refs
