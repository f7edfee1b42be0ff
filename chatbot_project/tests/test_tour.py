"""The tour: its commands run, what it points to is there, and gptj works by itself as its first chapter says."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot_project.settings import BASE_DIR

TOUR = sorted((BASE_DIR / "docs" / "tour").glob("*.md"))
CHAPTERS = [path for path in TOUR if path.name != "README.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:txt|toml|yml)|Dockerfile)`")
NAME_IN_FILE = re.compile(r"`(\w+(?:\.\w+)?)`\s+(?:in|\()\s*`([\w/]+\.py)`")
SECONDS = 110  # for the longest command

by_name = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)


def blocks(path: Path, kind: str) -> list[str]:
    """Return the code blocks of a kind."""
    return [text for found, text in BLOCK.findall(path.read_text()) if found == kind]


def names(path: Path) -> set[str]:
    """Return what a Python file defines: names, and methods as Class.method."""
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            members = [each.name for each in node.body if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef))]
            found |= {node.name, *(f"{node.name}.{member}" for member in members)}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def test_the_contents_name_every_chapter_in_order() -> None:
    listed = re.findall(r"\]\((\d-[\w-]+\.md)\)", (BASE_DIR / "docs" / "tour" / "README.md").read_text())
    assert listed == [path.name for path in CHAPTERS]
    assert len(listed) == 6


@by_name
def test_a_chapter_says_what_how_and_what_to_try(chapter: Path) -> None:
    text = chapter.read_text()
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert heads == ["What it must do", "How it is done here, and why so", "Try it"]
    assert "You should see" in text.partition("## Try it")[2]
    assert len(blocks(chapter, "sh")) == 1


@by_name
def test_every_file_that_it_names_is_there(chapter: Path) -> None:
    files = [name for name in FILE.findall(chapter.read_text()) if not name.startswith("/")]
    assert len(files) >= 3
    assert [name for name in files if not (BASE_DIR / name).exists()] == []


@by_name
def test_every_name_is_defined_where_it_says(chapter: Path) -> None:
    text = " ".join(chapter.read_text().split())
    for name, path in NAME_IN_FILE.findall(text):
        assert name in names(BASE_DIR / path), f"{path} has no {name}"


def test_names_are_looked_up_at_all() -> None:
    found = [pair for chapter in CHAPTERS for pair in NAME_IN_FILE.findall(" ".join(chapter.read_text().split()))]
    assert len(found) > 12


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_what_it_tells_to_try_works(chapter: Path, tmp_path: Path) -> None:
    (command,) = blocks(chapter, "sh")
    command = command.replace(".venv/bin/python", sys.executable)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment |= {"DATA_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "chatbot_project.keys"], cwd=BASE_DIR, env=environment, check=True)
    done = subprocess.run(
        ["/bin/sh", "-ec", command],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    expected = {"1": "Hello out there", "5": "no issues"}.get(chapter.stem[0], "passed")
    assert expected in done.stdout


# --- gptj by itself --------------------------------------------------------------------------------------------------

PROJECT = """
import django
from django.conf import settings

{setting}
settings.configure(INSTALLED_APPS=["gptj"], GPTJ_MODELS=GPTJ_MODELS)
django.setup()

from django.core.management import call_command
call_command("check", fail_level="WARNING")
{use}
print(generate("Something of my own"))
import sys
assert not [name for name in sys.modules if name.split(".")[0] in ("chat", "channels", "chatbot_project", "daphne")]
"""


def test_gptj_is_used_by_itself_in_another_project(tmp_path: Path) -> None:
    """A folder with nothing but `gptj` in it, and a project of a few lines: those of the first chapter."""
    setting, use = blocks(CHAPTERS[0], "python")
    (tmp_path / "gptj").symlink_to(BASE_DIR / "gptj")
    (tmp_path / "project.py").write_text(PROJECT.format(setting=setting, use=use))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "project.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("Something of my own")
