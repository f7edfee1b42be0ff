"""Each fault that the tests try stands in docs/models.md, with its code and the text that is kept."""

from collections.abc import Iterator, Mapping

import pytest
from django.conf import settings

from gptj.tests import test_gptj_api, test_huggingface
from gptj.tests.faults import HTTP, ODD, STREAM, Fault

TABLES: Mapping[str, Mapping[str, Fault]] = {
    "whatever the server speaks": HTTP,
    "`openai+http`, streamed": STREAM,
    "`openai+http`, odd and yet whole": ODD,
    "`gptj+http`": test_gptj_api.OWN_FAULTS,
    "`huggingface+https`": test_huggingface.OWN_FAULTS,
}


def rows(faults: Mapping[str, Fault]) -> Iterator[str]:
    """Return a table's lines: what the server does, the error's code, the text that is kept."""
    for name, fault in faults.items():
        code = f"`{fault.raised.code}`" if fault.raised else "none"
        yield f"| {name} | {code} | {fault.text or '-'} |"


@pytest.mark.parametrize("title", TABLES)
def test_the_documents_table_is_what_the_tests_try(title: str) -> None:
    document = (settings.BASE_DIR / "docs" / "models.md").read_text()
    _, _, below = document.partition(f"### {title[0].upper()}{title[1:]}\n")
    table = below.partition("\n### ")[0].partition("\n## ")[0]
    assert [line for line in table.splitlines() if line.startswith("| ")][2:] == list(rows(TABLES[title]))
