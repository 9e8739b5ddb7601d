import math
import random
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import pytest

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.reports.model import (
    FillMark,
    LevelPoint,
    Milestone,
    QuotedRow,
    QuoteSpan,
    RefusalCount,
    RehearsalReport,
    Rung,
    SeriesReport,
    WindowReport,
)
from kalshi_alpha.reports.pictures import interesting
from kalshi_alpha.reports.render import render_html, render_markdown, write_report
from kalshi_alpha.reports.subject import Subject
from kalshi_alpha.reports.summary import Provenance, SeriesSummary
from kalshi_alpha.trading.thresholds import threshold_grid

SPX = Subject("S&P 500", "index points", 2, 0, is_index=True)

STATES = ("Preflight", "Go", "Window", "Scan", "Quote", "Pause") + ("Scan", "Quote", "Pause") * 3
STATES += ("Arm", "Cancel", "WaitForSettlement", "Reconcile", "Done")


def phi(z):
    return 0.5 * math.erfc(-z / math.sqrt(2))


def above(series, level, step, count, sd, rng):
    first = round(level / step) * step - step * (count // 2)
    rungs = []
    for i in range(count):
        strike = first + i * step
        fair = phi((level + 1.3 - strike) / sd)
        middle = round(100 * phi((level - strike) / (1.15 * sd)))
        spread = rng.choice((1, 2, 2, 3))
        bid, ask = middle - spread, middle + spread
        rungs.append(
            Rung(
                ticker=f"{series}-25NOV04H1200-T{strike - 0.0001:.4f}",
                label=f"{strike:,.0f} or above",
                low=float(strike),
                high=None,
                probability=fair,
                bid=bid * 100 if bid > 0 else None,
                ask=ask * 100 if ask < 100 else None,
            )
        )
    return rungs


def ranges(series, level, step, count, sd, rng):
    first = round(level / step) * step - step * (count // 2)
    rungs = []
    for i in range(count):
        low, high = first + i * step, first + (i + 1) * step
        fair = phi((high - level - 3) / sd) - phi((low - level - 3) / sd)
        middle = round(100 * (phi((high - level) / (1.1 * sd)) - phi((low - level) / (1.1 * sd))))
        spread = rng.choice((1, 2, 2, 3))
        bid, ask = middle - spread, middle + spread
        rungs.append(
            Rung(
                ticker=f"{series}-25NOV04H1600-B{low + step // 2}",
                label=f"{low:,.0f} to {high:,.0f}",
                low=float(low),
                high=float(high),
                probability=fair,
                bid=bid * 100 if bid > 0 else None,
                ask=ask * 100 if ask < 100 else None,
            )
        )
    return rungs


def series_report(series, window_id, title, rungs, level, rng):
    middle = len(rungs) // 2
    chosen = [(middle - 1, Side.BID), (middle + 1, Side.ASK)]
    rungs = list(rungs)
    for i, side in chosen:
        ours = round(rungs[i].probability * 100 - 6 * side.sign) * 100
        rungs[i] = replace(rungs[i], quoted=side, quoted_price=ours)
    points, value = [], level
    for second in range(-300, 6):
        value += rng.gauss(0, level * 0.00002)
        points.append(LevelPoint(float(second), round(value, 2)))
    quotes, quoted = [], []
    for i, side in chosen:
        rung = rungs[i]
        price = round(rung.probability * 100 - 6 * side.sign) * 100
        for n, start in enumerate(range(-299, -19, 40)):
            moved = price + 100 * rng.choice((-1, 0, 0, 1))
            end = -2.6 if n == 6 else start + 40.0
            how = "pull" if n == 6 else "amend"
            quotes.append(
                QuoteSpan(rung.ticker, rung.label, side, moved, 100, start + 0.4, end + 0.4, how)
            )
            quoted.append(
                QuotedRow(
                    at_s=float(start),
                    ticker=rung.ticker,
                    label=rung.label,
                    side=side,
                    price=moved,
                    size=100,
                    probability=rung.probability,
                    ev=side.sign * (rung.probability - moved / 10_000),
                    bid=rung.bid,
                    ask=rung.ask,
                )
            )
    last = quotes[-1]
    fill = FillMark(-38.6, last.ticker, last.label, last.side, last.price, 100, 0, 420_000)
    summary = SeriesSummary(
        window_id=window_id,
        series=series,
        go=True,
        reasons=(),
        markets_listed=len(rungs),
        candidates=2 * 15 * len(rungs),
        quotes_placed=4,
        amends=11,
        cancels=3,
        fills=1,
        resting_after_pull=0,
        pull_started_s=-2.25,
        pull_confirmed_s=-2.1834,
        settlement_value=round(value, 2),
        basis=-0.07,
        pnl_dollars=0.42,
        fees_dollars=0.0,
        ledger_matches_exchange=True,
        states_visited=STATES,
    )
    return SeriesReport(
        subject=SPX,
        summary=summary,
        title=title,
        scans=15,
        ladder_at_s=-60.0,
        rungs=tuple(rungs),
        level=tuple(points),
        quotes=tuple(quotes),
        fills=(fill,),
        refusals=(
            RefusalCount(
                "edge-below-threshold",
                1402,
                rungs[3].ticker,
                "the best resting price 0.9700 earns $0.0131 a contract, under $0.0500",
            ),
            RefusalCount(
                "probability-extreme",
                871,
                rungs[0].ticker,
                "the probability 0.9991 is outside 0.02 to 0.98",
            ),
            RefusalCount(
                "bin-cap",
                93,
                rungs[middle].ticker,
                "2 bins of the series are quoted or held, the cap is 2",
            ),
            RefusalCount(
                "no-market", 40, rungs[-1].ticker, "nobody quotes it: both sides are empty"
            ),
        ),
        quoted=tuple(sorted(quoted, key=lambda row: row.at_s)),
        thresholds=threshold_grid([rng.expovariate(28) for _ in range(900)]),
        min_ev=500,
    )


PULL = (
    Milestone("resting orders listed", -748.2, "3 orders"),
    Milestone("connection open, request built", -702.5),
    Milestone("signed", -270.1),
    Milestone("cancel sent", -250.0),
    Milestone("venue answered", -221.7, "3 cancelled"),
    Milestone("book seen empty", -183.4, "0 resting"),
    Milestone("expiry at the venue", 0.0, "nothing left to expire"),
)


@pytest.fixture(scope="module")
def report():
    rng = random.Random(7)
    noon, close = "20251104-1200-index-hourly", "20251104-1600-index-close"
    return RehearsalReport(
        provenance=Provenance(
            day=date(2025, 11, 4),
            generated_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
            code_version="0.1.0",
            registry_hash="9f2c" * 16,
            parameters_checksum="41aa" * 16,
            seed=20251104,
            broker="twin",
            data_labels={"SPX minutes": "recorded", "NDX minutes": "recorded"},
        ),
        windows=(
            WindowReport(
                noon,
                datetime(2025, 11, 4, 17, 0, tzinfo=UTC),
                STATES,
                PULL,
                (
                    series_report(
                        "KXINXU",
                        noon,
                        "S&P 500 above or below",
                        above("KXINXU", 6812.4, 5, 90, 6.5, rng),
                        6812.4,
                        rng,
                    ),
                    series_report(
                        "KXNASDAQ100U",
                        noon,
                        "Nasdaq-100 above or below",
                        above("KXNASDAQ100U", 25702.8, 10, 400, 34.0, rng),
                        25702.8,
                        rng,
                    ),
                ),
            ),
            WindowReport(
                close,
                datetime(2025, 11, 4, 21, 0, tzinfo=UTC),
                STATES,
                PULL,
                (
                    series_report(
                        "KXINX",
                        close,
                        "S&P 500 range at the close",
                        ranges("KXINX", 6771.6, 25, 28, 22.0, rng),
                        6771.6,
                        rng,
                    ),
                    series_report(
                        "KXNASDAQ100",
                        close,
                        "Nasdaq-100 range at the close",
                        ranges("KXNASDAQ100", 25435.7, 100, 28, 95.0, rng),
                        25435.7,
                        rng,
                    ),
                ),
            ),
        ),
    )


@pytest.fixture(scope="module")
def page(report):
    return render_html(report)


class Reader(HTMLParser):
    """Collects what a browser would load, run or show."""

    def __init__(self):
        super().__init__()
        self.tags, self.ids, self.loads, self.references, self.open = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in {"src", "href", "xlink:href", "data", "srcset"}:
                (self.references if value.startswith("#") else self.loads).append(value)
            if name.startswith("on"):
                self.loads.append(f"{name}={value}")


def read(page):
    reader = Reader()
    reader.feed(page)
    return reader


def first_series(report, **changes):
    window = report.windows[0]
    part = window.series[0]
    part = replace(part, summary=replace(part.summary, **changes))
    window = replace(window, series=(part, *window.series[1:]))
    return replace(report, windows=(window, *report.windows[1:]))


def first_part(report, **changes):
    window = report.windows[0]
    part = replace(window.series[0], **changes)
    window = replace(window, series=(part, *window.series[1:]))
    return replace(report, windows=(window, *report.windows[1:]))


def test_the_page_is_under_a_megabyte(page):
    assert 50_000 < len(page.encode()) < 1_000_000


def test_a_long_window_with_400_rungs_and_thousands_of_points_stays_under_a_megabyte(report):
    level = tuple(LevelPoint(i / 20 - 300, 6800 + i / 1000) for i in range(6000))
    window = report.windows[0]
    part = replace(
        window.series[1],
        level=level,
        quoted=window.series[1].quoted * 40,
        refusals=window.series[1].refusals * 40,
        quotes=window.series[1].quotes * 10,
    )
    heavy = replace(window, series=(part, part))
    assert len(render_html(replace(report, windows=(heavy, heavy))).encode()) < 1_000_000


def test_the_page_loads_and_runs_nothing(page):
    reader = read(page)

    assert reader.loads == []
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(reader.tags)
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []


def test_ids_are_unique_and_every_inner_reference_has_its_target(page):
    reader = read(page)

    assert len(reader.ids) == len(set(reader.ids))
    assert {reference[1:] for reference in reader.references} <= set(reader.ids)
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(reader.ids)


@pytest.mark.parametrize(
    "section",
    [
        "Out of the book",
        "Books agree",
        "The pull",
        "States visited",
        "Ladder against market",
        "Quotes over time",
        "Why not: refusals by gate",
        "Why: candidates quoted",
        "What each threshold of expected value would refuse",
        "Fills",
        "Made from",
        "drawn by a seeded bridge",
        "20251104-1200-index-hourly",
        "20251104-1600-index-close",
        "Tuesday 4 November 2025, 16:00:00 EST",
    ],
)
def test_the_page_has_the_section(page, section):
    assert section in page


def test_every_window_and_series_has_its_pictures_each_with_a_title(page):
    assert page.count("<svg") == 2 + 4 * 2
    titles = re.findall(r"<svg[^>]*>\s*<title[^>]*>([^<]+)</title><desc", page)
    assert "KXINXU 20251104-1200-index-hourly: ladder against market" in titles
    assert "KXNASDAQ100 20251104-1600-index-close: quotes over time" in titles
    assert "20251104-1600-index-close: the pull" in titles
    assert len(titles) == 10


def test_pictures_take_their_colours_from_the_page(page):
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))

    assert "var(--model)" in drawn
    assert "var(--bid)" in drawn
    assert re.findall(r"#0[1-9]0", drawn) == []
    assert "prefers-color-scheme: dark" in page


def test_text_from_outside_is_escaped_in_page_and_pictures(report):
    nasty = '<script>alert("x")</script> & $a_b$'
    part = report.windows[0].series[0]
    changed = first_part(
        first_series(report, reasons=(nasty,)),
        title=nasty,
        refusals=(RefusalCount(nasty, 3, nasty, nasty),),
        rungs=tuple(replace(rung, label=nasty) for rung in part.rungs),
        quotes=tuple(replace(span, label=nasty) for span in part.quotes),
        quoted=tuple(replace(row, label=nasty) for row in part.quoted),
    )
    window = replace(changed.windows[0], pull=(Milestone(nasty, -3.0, nasty),), problem=nasty)
    page = render_html(replace(changed, windows=(window,)))

    assert "script" not in read(page).tags
    assert "&lt;script&gt;alert" in page


def test_the_twin_in_markdown_keeps_its_tables_whole(report):
    changed = first_series(report, reasons=("a | pipe and\na <b>line</b>",))
    text = render_markdown(changed)

    assert "- a \\| pipe and a &lt;b>line&lt;/b>" in text
    assert "| 5¢ (in force) |" in text
    assert "| cancel sent | \N{MINUS SIGN}250 ms |" in text
    assert "S&P 500 range at the close" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1


def test_rendering_twice_gives_the_same_page(report, page):
    assert render_html(report) == page


def test_both_files_are_written_into_a_folder_made_for_them(report, tmp_path):
    files = write_report(report, tmp_path / "out" / "rehearsal")

    assert files.html.name == "report.html"
    assert files.html.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert files.markdown.read_text(encoding="utf-8").startswith("# Rehearsal of 2025-11-04\n")


def test_a_window_that_was_not_quoted_says_so_instead_of_drawing(report):
    window = report.windows[0]
    part = window.series[0]
    summary = replace(
        part.summary,
        go=False,
        reasons=("the kill-switch is on: drill",),
        pull_started_s=None,
        pull_confirmed_s=None,
        settlement_value=None,
        basis=None,
    )
    empty = replace(
        part,
        summary=summary,
        scans=0,
        ladder_at_s=None,
        rungs=(),
        quotes=(),
        fills=(),
        refusals=(),
        quoted=(),
        thresholds=(),
    )
    closed = replace(window, pull=(), series=(empty,))
    page = render_html(replace(report, windows=(closed,)))

    assert "NO-GO" in page
    assert "the kill-switch is on: drill" in page
    assert "No pull ran" in page
    assert "<svg" not in page
    assert "No ladder was priced." in page


def test_the_ladder_is_cropped_to_what_is_undecided_and_to_what_we_quote():
    def rung(probability, quoted=None):
        return Rung(f"K-{probability}", "x", 1.0, None, probability, None, None, quoted)

    rungs = [rung(1.0), rung(0.999), rung(0.9), rung(0.2), rung(0.003), rung(0.002), rung(0.001)]

    assert [r.probability for r in interesting(rungs)] == [0.999, 0.9, 0.2, 0.003]
    rungs[5] = rung(0.002, Side.ASK)
    assert [r.probability for r in interesting(rungs)][-2:] == [0.002, 0.001]
    assert len(interesting(rungs[:2])) == 2
