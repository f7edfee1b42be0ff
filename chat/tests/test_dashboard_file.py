"""The Grafana dashboard asks for what there is, and for all of it; docs/operations.md tells of each of them."""

import json
import re

from django.conf import settings
from prometheus_client import REGISTRY

from chat import metrics

FILE = settings.BASE_DIR / "deploy" / "grafana" / "chatbot.json"
OPERATIONS = settings.BASE_DIR / "docs" / "operations.md"
PARTS = ("_total", "_bucket", "_sum", "_count")


def asked() -> set[str]:
    """Return the names of the metrics in the dashboard's queries."""
    panels = json.loads(FILE.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return {name for query in queries for name in re.findall(r"\b(?:chat|process)_\w+", query)}


def told() -> dict[str, str]:
    """Return each metric's kind by its name."""
    return {family.name: family.type for family in REGISTRY.collect()}


def test_every_query_asks_for_a_metric_of_the_right_kind() -> None:
    kinds = told()
    for name in asked():
        family = next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)
        expected = {"counter": "_total", "histogram": "_bucket", "gauge": ""}[kinds[family]]
        assert name == family + expected


def test_every_metric_of_ours_stands_in_a_panel() -> None:
    assert vars(metrics)
    ours = {name for name in told() if name.startswith("chat_")}
    assert len(ours) > 15
    assert {name for name in ours if not any(each.startswith(name) for each in asked())} == set()


def test_operators_are_told_what_each_metric_means_and_what_to_do() -> None:
    rows = re.findall(r"^\| (`[a-z]\w+_\w+`(?:, `\w+`)*) \| (.+) \| (.+) \|$", OPERATIONS.read_text(), re.MULTILINE)
    documented = {name for names, _, _ in rows for name in re.findall(r"`(\w+)`", names)}
    assert told().keys() - documented == set()
    assert {name for name in documented - told().keys() if name.startswith("chat_")} == set()
    assert all(len(meaning) > 10 and len(advice) > 10 for _, meaning, advice in rows)


def test_panels_have_ids_places_and_a_sentence() -> None:
    panels = json.loads(FILE.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert all(panel["description"] for panel in panels if panel["type"] != "row")
