"""Each environment name that settings read stands in the README's table and in .env.example, and none besides."""

import ast
import re
from pathlib import Path

import pytest

from chatbot_project import settings

ROOT = settings.BASE_DIR
KEYS = {"GPTJ_API_KEY", "GPTJ_API_KEY_<ALIAS>"}  # settings read these by their common beginning


def _names_read() -> set[str]:
    """Return the first argument of each `env.type("NAME", ...)` in settings.py, and the names of the models' keys."""
    calls = [node for node in ast.walk(_parsed(Path(settings.__file__))) if isinstance(node, ast.Call)]
    read = {
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "env"
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    assert len(read) > 20, "settings.py reads its environment in another way now: teach this test"
    return read | KEYS


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize(
    ("document", "pattern"),
    [
        ("README.md", r"^\| `([A-Z0-9_<>]+)` \|"),
        (".env.example", r"^# ?([A-Z][A-Z0-9_<>]*)="),
    ],
)
def test_a_document_names_exactly_what_settings_read(document: str, pattern: str) -> None:
    documented = re.findall(pattern, (ROOT / document).read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(_names_read())


def test_nothing_but_settings_reads_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for app in ("chat", "gptj", "chatbot_project")
        for path in (ROOT / app).rglob("*.py")
        if "tests" not in path.parts
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and _is_os(node.value)
    }
    # Two choose the settings before there are any; the third tells OpenMP, in a process of its own, how to wait.
    assert readers <= {"chatbot_project/asgi.py", "chatbot_project/keys.py", "gptj/backends/llama_server.py"}


def _is_os(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "os"
