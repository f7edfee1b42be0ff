"""Writes what was measured into docs/performance.md: tables, plans and charts, so that it never says anything else.

Run as: python -m bench.report, after a bench has left its file in docs. A part without a file stays as it is.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.run import ROOT
from bench.wanted import beside, relayed, turned

DOCS = ROOT / "docs"
PAGE = DOCS / "performance.md"
IMAGES = DOCS / "images"
NAMES = {"floor": "the floor", "chat": "this project", "twice": "this project, two processes"}
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
STORES = DATABASES | {"twice": "PostgreSQL and Redis, two processes"}
CPU = "cpu_ms_per_1000_tokens"
LONGEST = 400  # characters of a statement
ROUNDS = 3  # of which a figure is the median
QUIET = 2.5  # load average of two cores that do nothing but measure

Rows = Sequence[dict[str, Any]]


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; all but the first column is figures."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def ms(value: float | None) -> str:
    """Return milliseconds as they are read."""
    return "" if value is None else f"{value:,.1f}" if value < 10 else f"{value:,.0f}"


def circumstances(rows: Rows) -> str:
    """Return under what figures were taken, where that is not as the page says."""
    load = max((row.get("load", 0) for row in rows), default=0)
    rounds = min((row.get("rounds", ROUNDS) for row in rows), default=ROUNDS)
    said = [f"Other work kept the machine busy meanwhile: a load of {load:.0f} on two cores."] * (load > QUIET)
    said += [f"Of {rounds} rounds, not {ROUNDS}." if rounds > 1 else "Of a single round."] * (rounds < ROUNDS)
    return f"\n\n{' '.join(said)}" if said else ""


def relay(rows: Rows) -> str:
    """Return what relaying tokens costs; in brackets, how many times the floor's of the same round."""
    head = ["server", "people", "CPU ms per 1,000 tokens", "first token late, p50 ms", "p99"]
    head += ["a token late, p50 ms", "p99", "finished", "MB at start", "MB", "KB per idle socket"]
    return table(head, (_relayed(row) for row in rows))


def _relayed(row: dict[str, Any]) -> list[str]:
    times = [CPU, "first_p50_ms", "first_p99_ms", "token_p50_ms", "token_p99_ms"]
    held = ["start_mb", "memory_mb", "idle_socket_kb"]
    return [
        NAMES.get(row["server"], row["server"]),
        f"{row['people']}",
        *(_beside_floor(row, name) for name in times),
        f"{row['finished']:.0%}",
        *(_beside_floor(row, name) for name in held),
    ]


def _beside_floor(row: dict[str, Any], name: str) -> str:
    ratio = row["to_floor"].get(name)
    return ms(row[name]) + (
        f" ({ratio:.{2 if ratio < 10 else 0}f}x)" if ratio is not None and row["server"] != "floor" else ""
    )


def peers(rows: Rows) -> str:
    """Return what it costs others, and how long people wait there."""
    head = ["server", "people", "CPU ms per 1,000 tokens", "to this project", "first token after, p50 ms", "p99"]
    head += ["a token late, p50 ms", "p99", "finished", "MB at start", "MB", "KB per idle socket"]
    chats = {row["people"]: row for row in rows if row["server"] == "chat"}
    cells = []
    for row in rows:
        own = _relayed(row)
        times = row[CPU] / chats[row["people"]][CPU]
        waits = (_beside_floor(row, name) for name in ("wait_p50_ms", "wait_p99_ms"))
        cells.append([*own[:3], f"{times:.1f}x", *waits, *own[5:]])
    return table(head, cells)


def wanted() -> str:
    """Return what was wanted and what was seen, of all that was measured."""
    parts = (("performance.json", relayed), ("turns.json", turned), ("peers.json", beside))
    wishes = [wish for name, of in parts if (DOCS / name).exists() for wish in of(_read(DOCS / name))]
    musts = [wish.met for wish in wishes if not wish.aim]
    aims = [wish.met for wish in wishes if wish.aim]
    said = f"Met: {sum(musts)} of {len(musts)}; of what was aimed at beyond, {sum(aims)} of {len(aims)}."
    return table(["", "among", "wanted", "seen", "met"], (wish.cells() for wish in wishes)) + f"\n\n{said}"


def turns(rows: Rows) -> str:
    """Return what a turn takes apart from its tokens."""
    head = ["store", "sends a second", "finished", "to `ack`, p50 ms", "p99", "to the model, p50 ms", "p99"]
    times = ("ack_p50_ms", "ack_p99_ms", "asked_p50_ms", "asked_p99_ms")
    cells = (
        [STORES[row["store"]], row["sends_per_s"], f"{row['finished']:.0%}", *(ms(row[name]) for name in times)]
        for row in rows
    )
    return table(head, cells)


def growth(results: Rows) -> str:
    """Return how pages and queries grow, and what the admin's take."""
    by_name = {result["database"]: {(row["group"], row["name"]): row for row in result["rows"]} for result in results}
    (first, *_) = by_name.values()
    databases = [DATABASES[name] for name in by_name]

    def cell(key: tuple[str, str]) -> str:
        return " / ".join(ms(rows[key]["median_ms"]) if key in rows else "" for rows in by_name.values())

    parts = [f"Medians in ms, {' / '.join(databases)}."]
    for unit in ("messages", "sessions"):
        sizes = list(dict.fromkeys(name for _, name in first if re.fullmatch(rf"[\d,]+ {unit}", name)))
        groups = list(dict.fromkeys(group for group, name in first if name in sizes))
        rows = ([group, *(cell((group, size)) for size in sizes)] for group in groups)
        parts.append(table(["", *sizes], rows))
    times = [[group, *(f"{result['growth'][group]:.2f}x" for result in results)] for group in results[0]["growth"]]
    parts.append(table(["10,000 messages to the fewest of the row", *databases], times))
    admin = [(name, key) for key in first if (name := key[1]) and key[0] == "admin"]
    parts.append(table(["the admin", "median"], ([name, cell(key)] for name, key in admin)))
    missed = [
        f"- {DATABASES[result['database']]}, {row['group']}, {row['name']}: {ms(row['median_ms'])} ms"
        for result in results
        for row in result["rows"]
        if row["median_ms"] > row["limit_ms"]
    ]
    counted = sum(len(result["rows"]) for result in results)
    parts.append(
        f"Over the limit (100 ms, the dashboard 1 s), {len(missed)} of {counted}:\n\n" + "\n".join(missed)
        if missed
        else f"None of {counted} is over the limit (100 ms, the dashboard 1 s)."
    )
    parts.append(
        f"Migrating {results[0]['messages']:,} messages to have the search and the indexes took "
        + ", ".join(f"{result['migrated_s']} s in {DATABASES[result['database']]}" for result in results)
        + "."
    )
    return "\n\n".join(parts)


def processes(rows: Rows) -> str:
    """Return what it costs that more processes share the people; each row's `to_floor` is to the one of its round."""
    head = ["processes", "CPU ms per 1,000 tokens, of all", "to one process", "first token late, p50 ms", "p99"]
    head += ["a token late, p50 ms", "p99", "finished", "MB at start, each", "MB, each"]
    times = ("first_p50_ms", "first_p99_ms", "token_p50_ms", "token_p99_ms")
    cells = (
        [
            row["processes"],
            ms(row[CPU]),
            f"{row['to_floor'][CPU]:.2f}x",
            *(ms(row[name]) for name in times),
            f"{row['finished']:.0%}",
            ms(row["start_mb"] / row["processes"]),
            ms(row["memory_mb"] / row["processes"]),
        ]
        for row in rows
    )
    return f"{rows[0]['people']} people.\n\n{table(head, cells)}"


def plans(results: Rows) -> str:
    """Return the plans of the main queries."""
    parts = []
    for result in results:
        parts.append(f"### {DATABASES[result['database']]}")
        parts += [
            f"{each['name']}:\n\n```text\n{_short(each['sql'])}\n\n{_cut(each['plan'])}\n```"
            for each in result["plans"]
        ]
    return "\n\n".join(parts)


def _short(sql: str) -> str:
    columns = re.sub(r'SELECT (?:"\w+"\."\w+"[^,]*?, )+.*? FROM ', "SELECT ... FROM ", sql, count=1)
    return columns if len(columns) <= LONGEST else columns[:LONGEST] + " ..."


def _cut(plan: str) -> str:
    return "\n".join(line if len(line) <= 140 else line[:140] + " ..." for line in plan.splitlines())


def chart_of_costs(rows: Rows, name: str) -> None:
    """Draw each server's CPU per token as a multiple of the floor's."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 (only where there is something to draw)

    people = sorted({row["people"] for row in rows})
    servers = list(dict.fromkeys(row["server"] for row in rows))
    figure, axes = plt.subplots(figsize=(9, 0.6 + 0.5 * len(servers)), layout="constrained")
    for at, count in enumerate(people):
        own = {row["server"]: row["to_floor"][CPU] for row in rows if row["people"] == count}
        places = [index + 0.8 * at / len(people) for index in range(len(servers))]
        bars = axes.barh(
            places, [own.get(server, 0) for server in servers], 0.75 / len(people), label=f"{count} people"
        )
        axes.bar_label(bars, fmt="%.1fx", padding=3)
    axes.set_yticks([index + 0.3 for index in range(len(servers))], [NAMES.get(server, server) for server in servers])
    axes.invert_yaxis()
    axes.set_xlabel("server CPU per token, the floor's is 1")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend()
    figure.savefig(IMAGES / name, dpi=110)


def chart_of_growth(results: Rows, name: str) -> None:
    """Draw the times of pages over the messages of their session."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, sides = plt.subplots(1, len(results), figsize=(12, 4), sharey=True, layout="constrained", squeeze=False)
    for axes, result in zip(sides[0], results, strict=True):
        for group in dict.fromkeys(row["group"] for row in result["rows"] if row["group"] != "admin"):
            own = [row for row in result["rows"] if row["group"] == group]
            sizes = [int(row["name"].split()[0].replace(",", "")) for row in own]
            axes.plot(sizes, [row["median_ms"] for row in own], marker="o", label=group)
        axes.set(xscale="log", yscale="log", title=DATABASES[result["database"]])
        axes.set_xlabel("messages of the session, or sessions of the visitor")
        axes.axhline(100, color="grey", linestyle=":")
        axes.spines[["top", "right"]].set_visible(False)
    sides[0][0].set_ylabel("ms, of a million messages")
    figure.legend(*sides[0][0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    figure.savefig(IMAGES / name, dpi=110)


def chart_of_processes(rows: Rows, name: str) -> None:
    """Draw cost and delays over the processes that share the people."""
    import matplotlib.pyplot as plt  # noqa: PLC0415

    counts = [row["processes"] for row in rows]
    figure, (costs, delays) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    costs.plot(counts, [row[CPU] for row in rows], marker="o")
    costs.set_ylabel("CPU ms per 1,000 tokens, of all")
    for of, label in (("first_p99_ms", "the first token"), ("token_p99_ms", "a token")):
        delays.plot(counts, [row[of] for row in rows], marker="o", label=label)
    delays.set_ylabel("late, p99 ms")
    delays.legend()
    for axes in (costs, delays):
        axes.set(xticks=counts, xlabel="processes")
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(IMAGES / name, dpi=110)


def write(text: str, part: str, content: str) -> str:
    """Return the page with one part between its marks replaced."""
    pattern = rf"(<!-- {part}: by bench.report -->\n).*?(<!-- end -->)"
    return re.sub(pattern, lambda marks: f"{marks[1]}\n{content}\n\n{marks[2]}", text, flags=re.DOTALL)


def main() -> None:
    """Write every part of which there is a file."""
    text = PAGE.read_text()
    parts: dict[str, tuple[str, Callable[[Rows], str]]] = {
        "relay": ("performance.json", relay),
        "turns": ("turns.json", turns),
        "peers": ("peers.json", peers),
        "processes": ("processes.json", processes),
        "growth": ("growth.json", growth),
        "plans": ("growth.json", plans),
    }
    charts: dict[str, tuple[Callable[[Rows, str], None], str]] = {
        "relay": (chart_of_costs, "Server CPU a token, as a multiple of the floor's."),
        "peers": (chart_of_costs, "Server CPU a token of this project and of others, as a multiple of the floor's."),
        "processes": (chart_of_processes, "CPU and delays by the processes that share the people."),
        "growth": (chart_of_growth, "Times of pages by the messages of a session and the sessions of a visitor."),
    }
    for part, (name, content) in parts.items():
        if not (DOCS / name).exists():
            continue
        rows = _read(DOCS / name)
        written = content(rows) + circumstances(rows)
        if part in charts:
            draw, says = charts[part]
            draw(rows, f"bench-{part}.png")
            written += f"\n\n![{says}](images/bench-{part}.png)"
        text = write(text, part, written)
    text = write(text, "wanted", wanted())
    PAGE.write_text(text)


def _read(path: Path) -> Rows:
    rows: Rows = json.loads(path.read_text())
    return rows


if __name__ == "__main__":
    main()
