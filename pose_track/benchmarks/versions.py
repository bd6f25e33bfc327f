"""Versions of installed libraries."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def library_versions(packages: Iterable[str]) -> dict[str, str]:
    """Version of each package that is installed, in the given order. Nothing is imported."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
