"""The figures that were measured: shown, and kept in test-results/page.json until the next run."""

import json
import statistics
import sys
from collections.abc import Sequence

from tests_e2e.served import ROOT

KEPT = ROOT / "test-results" / "page.json"


def keep(name: str, **figures: float) -> None:
    """Keep and show figures, each named with its unit."""
    rounded = {key: round(value, 1) for key, value in figures.items()}
    KEPT.parent.mkdir(exist_ok=True)
    all_of_them = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    KEPT.write_text(json.dumps({**all_of_them, name: rounded}, indent=2) + "\n")
    sys.stdout.write(f"{name}: {rounded}\n")


def p95(values: Sequence[float]) -> float:
    """Return the value that 95 of 100 do not exceed."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
