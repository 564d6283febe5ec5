"""Where a result comes from: versions, fingerprints and options that every file carries or sits beside."""

import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("torch", "transformers", "peft", "numpy", "scipy", "matplotlib", "datasets")


@cache
def started() -> str:
    """When this process first asked, UTC, ISO 8601 to the second: one time for all files of a run."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@cache
def harness_version() -> str:
    """Version of the harness, also when it runs from a checkout that was never installed."""
    try:
        return version("codi-harness")
    except PackageNotFoundError:
        return "0.1.0 (not installed)"


@cache
def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def provenance(**facts: Any) -> dict[str, Any]:
    """The block that result files carry under ``provenance``."""
    return {"harness": harness_version(), "time": started(), **facts, "packages": package_versions()}
