"""What a rehearsal report shows, as one tree of plain records.

Times on charts are seconds relative to the fixing, negative before it. Prices are YES prices in
1/10000 dollar, sizes in 1/100 contract and cash in 1/1000000 dollar, None where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.reports.subject import Subject
from kalshi_alpha.reports.summary import Provenance, SeriesSummary
from kalshi_alpha.trading.thresholds import ThresholdRow


@dataclass(frozen=True, slots=True)
class Rung:
    """One market of the ladder, as the model and the market saw it at one scan.

    Attributes:
        ticker: The market.
        label: What a person calls it, such as ``6,850 or above`` or ``6,850 to 6,875``.
        low: Lower end of what pays, in index points; None when unbounded.
        high: Upper end of what pays, in index points; None when unbounded.
        probability: The model's probability of YES.
        bid: The market's best bid, our own orders left out.
        ask: The market's best ask, our own orders left out.
        quoted: The side we quoted at that scan, None when we did not.
        quoted_price: The price we quoted there, None when we did not.
    """

    ticker: str
    label: str
    low: float | None
    high: float | None
    probability: float
    bid: int | None
    ask: int | None
    quoted: Side | None = None
    quoted_price: int | None = None


@dataclass(frozen=True, slots=True)
class LevelPoint:
    """The index at one instant.

    Attributes:
        at_s: Seconds relative to the fixing.
        value: Index points.
    """

    at_s: float
    value: float


@dataclass(frozen=True, slots=True)
class QuoteSpan:
    """One of our orders at one price, from when it rested to when it did not.

    Attributes:
        ticker: The market.
        label: What a person calls it.
        side: Our side, about YES.
        price: Our price.
        size: Size it began with.
        start_s: When it began to rest at this price, seconds relative to the fixing.
        end_s: When that ended.
        ended_by: How: ``amend``, ``cancel``, ``fill``, ``pull`` or ``expiry``.
    """

    ticker: str
    label: str
    side: Side
    price: int
    size: int
    start_s: float
    end_s: float
    ended_by: str


@dataclass(frozen=True, slots=True)
class FillMark:
    """One fill of one of our orders.

    Attributes:
        at_s: Seconds relative to the fixing.
        ticker: The market.
        label: What a person calls it.
        side: Our side, about YES.
        price: The YES price.
        size: Size filled.
        fee: Fee paid.
        pnl: What the fill came to after settlement and fee; None while unsettled.
    """

    at_s: float
    ticker: str
    label: str
    side: Side
    price: int
    size: int
    fee: int
    pnl: int | None = None


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """How often one gate refused, with one example.

    Attributes:
        code: The gate's code.
        count: Candidates it refused, over all scans.
        example_ticker: One of them.
        example_reason: The sentence it was refused with.
    """

    code: str
    count: int
    example_ticker: str
    example_reason: str


@dataclass(frozen=True, slots=True)
class QuotedRow:
    """One candidate that was quoted at one scan.

    Attributes:
        at_s: The scan, in seconds relative to the fixing.
        ticker: The market.
        label: What a person calls it.
        side: Our side, about YES.
        price: Our price.
        size: Our size.
        probability: The model's probability of YES.
        ev: Expected dollars a contract, after fees, if filled.
        bid: The market's best bid, our own orders left out.
        ask: The market's best ask, our own orders left out.
    """

    at_s: float
    ticker: str
    label: str
    side: Side
    price: int
    size: int
    probability: float
    ev: float
    bid: int | None
    ask: int | None


@dataclass(frozen=True, slots=True)
class Milestone:
    """One step of the pull.

    Attributes:
        name: What happened, such as ``cancel sent``.
        at_ms: When, in milliseconds relative to T-2 s; negative is before, as it should be.
        note: A few words more, such as how many orders.
    """

    name: str
    at_ms: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """Everything shown of one series in one window.

    Attributes:
        summary: Its row of the summary.
        title: What a person calls it, such as ``S&P 500 above or below, noon``.
        scans: How often its ladder was priced.
        ladder_at_s: When the rungs were seen, seconds relative to the fixing; None without rungs.
        rungs: The ladder at that scan, ascending.
        level: The index over the window, or the middle of a figure's law, in time.
        quotes: Our orders over the window, in time.
        fills: Our fills, in time.
        refusals: Refusals by gate, most frequent first.
        quoted: Candidates quoted, in time.
        thresholds: What each threshold of expected value lets pass, ascending.
        min_ev: The threshold in force, in 1/10000 dollar a contract.
        subject: What the series settles on.
    """

    summary: SeriesSummary
    title: str
    scans: int
    ladder_at_s: float | None
    rungs: tuple[Rung, ...]
    level: tuple[LevelPoint, ...]
    quotes: tuple[QuoteSpan, ...]
    fills: tuple[FillMark, ...]
    refusals: tuple[RefusalCount, ...]
    quoted: tuple[QuotedRow, ...]
    thresholds: tuple[ThresholdRow, ...]
    min_ev: int
    subject: Subject


@dataclass(frozen=True, slots=True)
class WindowReport:
    """Everything shown of one window.

    Attributes:
        window_id: The window.
        fixing: T, in UTC.
        states_visited: States of the state machine in the order entered.
        pull: Steps of the pull, in time; empty when none ran.
        series: Its series.
        problem: Why the execution did not succeed; empty when it did.
    """

    window_id: str
    fixing: datetime
    states_visited: tuple[str, ...]
    pull: tuple[Milestone, ...]
    series: tuple[SeriesReport, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RehearsalReport:
    """A whole rehearsal.

    Attributes:
        provenance: What it was made from.
        windows: Its windows, in time.
    """

    provenance: Provenance
    windows: tuple[WindowReport, ...]

    @property
    def summaries(self) -> tuple[SeriesSummary, ...]:
        """Return the rows of the summary, window by window."""
        return tuple(part.summary for window in self.windows for part in window.series)
