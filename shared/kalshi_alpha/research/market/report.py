"""A comparison with the market as files: market.json, and a page with its Markdown twin."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kalshi_alpha.pricing.blend import blends_to_json
from kalshi_alpha.reports.charts import drawing
from kalshi_alpha.reports.study import Fact, Section, Study, Table, write_study
from kalshi_alpha.reports.wording import MINUS, NOTHING
from kalshi_alpha.research.data.store import write_atomically
from kalshi_alpha.research.market.compare import ALL, price_rows, time_rows
from kalshi_alpha.research.market.pictures import brier_chart, calibration_chart, gain_chart
from kalshi_alpha.research.market.scoring import MarketScore

SCHEMA = "kalshi-alpha/market/1"
OVERVIEW = (
    "minutes to the fixing", "trades", "days", "ours", "traded", "sharpened", "blend",
    "ours less traded", "95 %",
)  # fmt: skip
_GAINS = (
    "minutes to the fixing", "blend less traded", "95 %", "blend less sharpened", "95 %",
    "sharpened less traded", "95 %",
)  # fmt: skip
_LOGS = ("minutes to the fixing", "ours", "traded", "sharpened", "blend")
_PRICES = (
    "cents paid", "trades", "market-sides", "mean paid", "mean ours", "won", "95 %",
    "Brier ours", "Brier traded",
)  # fmt: skip
_READINGS = ("reading", "trades", "ours", "traded", "sharpened", "blend")
_WEIGHTS = ("minutes to the fixing", "days", "sharpened by", "intercept", "market", "ours")
_LEFT_OUT = ("rule", "rows")


def write_market(
    score: MarketScore, folder: Path, provenance: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Write market.html, market.md, market-blend.json if there is one, and market.json.

    market.json is written last: where it is, the rest is whole. An earlier run's goes first.

    Returns:
        What market.json holds.
    """
    document = as_json(score, provenance)
    text = json.dumps(document, indent=1, allow_nan=False)
    page = _study(score, document, provenance)
    for name in ("market.json", "market-blend.json"):
        (folder / name).unlink(missing_ok=True)
    write_study(page, folder, "market")
    if document["blend"] is not None:
        blend = json.dumps(document["blend"], indent=1, allow_nan=False)
        write_atomically(folder / "market-blend.json", (blend + "\n").encode())
    write_atomically(folder / "market.json", (text + "\n").encode())
    return document


def as_json(score: MarketScore, provenance: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the comparison as plain JSON values; docs/math/market.md says what each means."""
    compared, buckets = score.compared, score.buckets
    return {
        "schema": SCHEMA,
        "form": score.form,
        "subject": score.subject,
        "rows": time_rows(compared, buckets),
        "market_sides": time_rows(compared, buckets, by_side=True),
        "price_bands": price_rows(compared),
        "sensitivity": [dict(row) for row in score.sensitivity],
        "weights": [
            {
                "minutes_from": one.minutes_from,
                "minutes_to": one.minutes_to,
                "days": one.days,
                "sharp": one.sharp,
                "blend": None if one.blend is None else list(one.blend),
            }
            for one in score.walked.last
        ],
        "blend": None if score.blends is None else blends_to_json(score.blends),
        "excluded": [each.as_json() for each in score.excluded],
        "notes": list(score.notes),
        "provenance": dict(provenance),
    }


def overview(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each time to the fixing: everybody's Brier score, ours less theirs."""
    return [
        (
            _when(row),
            f"{row['n']:,}",
            f"{row['days']}",
            *(_four(row[f"brier_{name}"]) for name in ("ours", "market", "sharp", "blend")),
            *_difference(row, ""),
        )
        for row in rows
    ]


def _study(
    score: MarketScore, document: Mapping[str, Any], provenance: Sequence[tuple[str, str]]
) -> Study:
    rows, sides = document["rows"], document["market_sides"]
    with drawing():
        first = [brier_chart(rows), calibration_chart(document["price_bands"])]
        second = [gain_chart(rows, _shown_pairs(rows))]
    sections = [
        Section(
            "By the time to the fixing",
            (_READING, *score.notes),
            first,
            [
                Table("Brier score, every trade a row", OVERVIEW, overview(rows)),
                Table("Paired differences of Brier score", _GAINS, _gain_rows(rows)),
                Table("Log score, nats, more is better", _LOGS, _log_rows(rows)),
            ],
        ),
        Section(
            "Every market-side once",
            ("Each side of a market counts the same in a row, however often it traded.",),
            second,
            [
                Table("Brier score, every market-side a row", OVERVIEW, overview(sides)),
                Table("Paired differences of Brier score", _GAINS, _gain_rows(sides)),
            ],
        ),
        Section(
            "By the price paid",
            (),
            (),
            [Table("How often yes won", _PRICES, _price_rows(document["price_bands"]))],
        ),
    ]
    if score.sensitivity:
        table = Table("Brier scores under other readings", _READINGS, _readings(score.sensitivity))
        sections.append(Section("What else could be read", (), (), [table]))
    weights = Table("After the last day", _WEIGHTS, _weight_rows(document["weights"]))
    sections.append(Section("Weights", (_FITTING,), (), [weights]))
    sections.append(
        Section(
            "Left out",
            [each.sentence for each in score.excluded] or ["Nothing."],
            (),
            [Table("By rule", _LEFT_OUT, [(e.rule, f"{e.rows:,}") for e in score.excluded])],
        )
    )
    return Study(
        title=f"{score.subject}: against the market's own trades",
        lead=(
            "Who knew better what each trade would pay: the law, the price paid, that price "
            "sharpened, or both together. Nothing is fitted on the day it is scored on."
        ),
        facts=_facts(rows),
        sections=sections,
        provenance=provenance,
    )


_READING = (
    "The Brier score is the mean squared error of a probability: less is better. Differences are "
    "paired trade by trade, and their intervals draw whole days. Sharpened is the traded price "
    "with its log odds times one factor; the blend weighs log odds of the price and of the law."
)
_FITTING = (
    "Factor and weights of a day are fitted on the days before it, one vote a market-side and at "
    "most four an event, drawn towards no stretch and towards equal weights. These are the ones "
    "that the next day would be priced with."
)


def _facts(rows: Sequence[Mapping[str, Any]]) -> list[Fact]:
    whole = rows[0]
    late = next((row for row in rows[1:] if row["minutes_from"] == 0), whole)
    facts = []
    for row, suffix, name in (
        (whole, "", "ours less traded"),
        (late, "_blend", "blend less traded"),
        (late, "_blend_sharp", "blend less sharpened"),
        (whole, "_sharp_market", "sharpened less traded"),
    ):
        found, low, high = (row[f"{key}{suffix}"] for key in ("diff", "low", "high"))
        if found is None:
            continue
        interval = "one day: no interval" if low is None else f"{_signed(low)} to {_signed(high)}"
        status = _status(low, high)
        when = "all" if row is whole else f"last {row['minutes_to']} minutes"
        facts.append(Fact(f"Brier, {name}, {when}", _signed(found), f"95 %: {interval}.", status))
    return facts


def _status(low: float | None, high: float | None) -> Any:
    if low is None or high is None:
        return "plain"
    return "good" if high < 0 else "bad" if low > 0 else "plain"


def _shown_pairs(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    pairs = [("", "ours less traded"), ("_blend", "blend less traded")]
    shown = [pair for pair in pairs if rows[0][f"diff{pair[0]}"] is not None]
    return [*shown, ("_sharp_market", "sharpened less traded")]


def _gain_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    keys = ("_blend", "_blend_sharp", "_sharp_market")
    return [(_when(row), *(cell for key in keys for cell in _difference(row, key))) for row in rows]


def _log_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    names = ("ours", "market", "sharp", "blend")
    return [(_when(row), *(_four(row[f"log_{name}"]) for name in names)) for row in rows]


def _price_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            f"{row['price_from'] * 100:g} to {row['price_to'] * 100:g}",
            f"{row['n']:,}",
            f"{row['sides']:,}",
            *(_four(row[key]) for key in ("mean_market", "mean_ours", "won")),
            _range(row["won_low"], row["won_high"]),
            *(_four(row[key]) for key in ("brier_ours", "brier_market")),
        )
        for row in rows
    ]


def _readings(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    names = ("ours", "market", "sharp", "blend")
    return [
        (
            f"{row['reading']}, {row['when']}",
            f"{row['n']:,}",
            *(_four(row[f"brier_{name}"]) for name in names),
        )
        for row in rows
    ]


def _weight_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            _when(row),
            f"{row['days']}",
            f"{row['sharp']:.3f}",
            *(f"{each:.3f}" for each in row["blend"] or ()),
            *((NOTHING,) * (0 if row["blend"] else 3)),
        )
        for row in rows
    ]


def _when(row: Mapping[str, Any]) -> str:
    if row["minutes_from"] == ALL:
        return ALL
    return f"{row['minutes_from']:g} to {row['minutes_to']:g}"


def _difference(row: Mapping[str, Any], suffix: str) -> tuple[str, str]:
    found, low, high = (row[f"{key}{suffix}"] for key in ("diff", "low", "high"))
    return (NOTHING if found is None else _signed(found)), _range(low, high)


def _range(low: float | None, high: float | None) -> str:
    return NOTHING if low is None or high is None else f"{_signed(low)} to {_signed(high)}"


def _four(number: float | None) -> str:
    return NOTHING if number is None else f"{number:.4f}".replace("-", MINUS)


def _signed(number: float) -> str:
    return f"{number:+.4f}".replace("-", MINUS)
