"""Gates before a window and between its scans: may anything be quoted at all?

``WindowFacts`` is what concerns the whole window, ``SeriesFacts`` what concerns one series and its
symbol: a silent Nasdaq feed stops the Nasdaq and leaves the S&P alone. Preflight asks every gate;
each later scan asks those that can change within minutes. Whatever could not be read is passed as
None or as a non-empty problem text, and refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from kalshi_alpha.clock import iso
from kalshi_alpha.markets.units import cash_text
from kalshi_alpha.trading.gates import ALLOW, Refuse, Verdict, refusals, refuse

# A heartbeat is written every second; three missed ones are no accident of timing.
HEARTBEAT_LIMIT_S = 3.0


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """What preflight and scan know of the window.

    ``opens_at`` to ``ends_at`` is when this step may run; the end is not in it. ``balance`` is the
    venue's cash and ``balance_needed`` the most that the window's caps can tie up, in cash units.
    ``held`` is what positions in the window's events can still lose, under ``held_limit`` of the
    contract terms; ``paused`` names a pause of the exchange that falls into the window.
    ``drawdown`` is the cash >= 0 given back since the highest point of the last ``drawdown_days``,
    under ``max_drawdown``; 0 for no limit.
    """

    now: datetime
    opens_at: datetime
    ends_at: datetime
    kill_switch_on: bool
    kill_switch_reason: str
    why_closed: str  # empty on a day and hour that trades
    frozen: str  # why the window is frozen, or empty
    exchange_active: bool | None
    trading_active: bool | None
    balance: int | None
    balance_needed: int
    held: int | None = 0
    held_limit: int = 0
    paused: str = ""
    drawdown: int = 0
    max_drawdown: int = 0
    drawdown_days: int = 0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The sentry's last word on a symbol: when it spoke, and how late and silent its feed was."""

    at: datetime
    lag_s: float
    silence_s: float
    delayed: bool = False  # the vendor's fifteen-minute feed


@dataclass(frozen=True, slots=True)
class ParameterFacts:
    """The parameters found: fitted up to ``as_of``, good until ``valid_until`` included.

    ``problem`` says why they could not be proven; the dates are then without meaning.
    """

    as_of: date
    valid_until: date
    today: date
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a published figure: how old the newest word of its oldest source is.

    ``problem`` says why nothing can be known; the age is then without meaning.
    """

    age_s: float
    limit_s: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What preflight and scan know of one series and of its symbol.

    Losses are cash >= 0 already lost (a gain counts as 0); limits are in the units of their value.
    ``markets_listed`` is None when the listing could not be read, and ``listing_problem`` says why.
    A published figure has a ``source`` and no feed, an index a feed and no source.
    """

    series: str
    symbol: str
    now: datetime
    markets_listed: int | None
    parameters: ParameterFacts
    heartbeat: Heartbeat | None
    lag_limit_s: float
    silence_limit_s: float
    lost_today: int
    lost_this_week: int
    max_loss_per_day: int
    max_loss_per_week: int
    listing_problem: str = ""
    heartbeat_limit_s: float = HEARTBEAT_LIMIT_S
    cooling: str = ""  # why the series cools off, or empty
    cooling_until: datetime | None = None
    fit: Verdict = ALLOW  # what the last windows say of the law, ``drift.judge_drift``
    source: SourceFacts | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the gates say of a window: refusals of all of it, and of each of its series."""

    window: tuple[Refuse, ...]
    series: Mapping[str, tuple[Refuse, ...]]

    @property
    def go(self) -> bool:
        """Say whether at least one series may be quoted."""
        return any(self.series_go(name) for name in self.series)

    def series_go(self, name: str) -> bool:
        """Say whether that series may be quoted."""
        return not self.window and not self.series[name]

    def reasons(self, name: str) -> tuple[Refuse, ...]:
        """Return everything that speaks against quoting that series."""
        return self.window + self.series[name]


def kill_switch(facts: WindowFacts) -> Verdict:
    """Refuse while the operator's switch is on."""
    if not facts.kill_switch_on:
        return ALLOW
    why = facts.kill_switch_reason or "no reason was given"
    return refuse("kill-switch", f"the kill-switch is on: {why}", why=why)


def calendar(facts: WindowFacts) -> Verdict:
    """Refuse a day or hour that does not trade."""
    if not facts.why_closed:
        return ALLOW
    return refuse("calendar", f"the calendar vetoes: {facts.why_closed}", why=facts.why_closed)


def inside_window(facts: WindowFacts) -> Verdict:
    """Refuse a start before or after the time given to this step."""
    if facts.opens_at <= facts.now < facts.ends_at:
        return ALLOW
    when = "before" if facts.now < facts.opens_at else "not before the end of"
    return refuse(
        "outside-window",
        f"{iso(facts.now)} is {when} the time for this step, "
        f"{iso(facts.opens_at)} to {iso(facts.ends_at)}",
        now=iso(facts.now),
        opens_at=iso(facts.opens_at),
        ends_at=iso(facts.ends_at),
    )


def frozen(facts: WindowFacts) -> Verdict:
    """Refuse a window that was frozen; it stays so until it is over."""
    if not facts.frozen:
        return ALLOW
    return refuse("frozen", f"the window is frozen: {facts.frozen}", why=facts.frozen)


def exchange_open(facts: WindowFacts) -> Verdict:
    """Refuse while the exchange is closed, paused, or does not say."""
    status = {"exchange": facts.exchange_active, "trading": facts.trading_active}
    off = [name for name, active in status.items() if not active]
    if not off:
        return ALLOW
    said = ", ".join(f"{name} {'unknown' if status[name] is None else 'inactive'}" for name in off)
    return refuse("exchange-status", f"the exchange is not open for trading: {said}", status=said)


def balance(facts: WindowFacts) -> Verdict:
    """Refuse when the cash at the venue cannot cover what the caps allow to rest."""
    if facts.balance is None:
        return refuse("balance", "the balance at the venue could not be read")
    if facts.balance >= facts.balance_needed:
        return ALLOW
    return refuse(
        "balance",
        f"the balance of ${cash_text(facts.balance)} is below the "
        f"${cash_text(facts.balance_needed)} that the window's caps may tie up",
        balance=facts.balance,
        limit=facts.balance_needed,
    )


def position_limit(facts: WindowFacts) -> Verdict:
    """Refuse when what is held, and all that the caps allow, would pass the contract terms."""
    if facts.held is None:
        return refuse("position-limit", "the positions at the venue could not be read")
    if facts.held + facts.balance_needed <= facts.held_limit or not facts.held_limit:
        return ALLOW
    return refuse(
        "position-limit",
        f"${cash_text(facts.held)} is held and ${cash_text(facts.balance_needed)} may be added, "
        f"over the ${cash_text(facts.held_limit)} that the contract terms let one member hold",
        value=facts.held + facts.balance_needed,
        limit=facts.held_limit,
    )


def exchange_pause(facts: WindowFacts) -> Verdict:
    """Refuse a window into which a pause of the exchange falls."""
    if not facts.paused:
        return ALLOW
    return refuse("exchange-pause", f"the exchange pauses: {facts.paused}", why=facts.paused)


def drawdown_stop(facts: WindowFacts) -> Verdict:
    """Refuse while more has been given back since the highest point than a person has allowed."""
    if facts.drawdown < facts.max_drawdown or not facts.max_drawdown:
        return ALLOW
    return refuse(
        "drawdown",
        f"${cash_text(facts.drawdown)} was given back since the highest point of the last "
        f"{facts.drawdown_days} days, the stop is at ${cash_text(facts.max_drawdown)}: look at the "
        "days, then raise the stop or wait",
        value=facts.drawdown,
        limit=facts.max_drawdown,
        days=facts.drawdown_days,
    )


def listing(facts: SeriesFacts) -> Verdict:
    """Refuse a series without a market that can be priced."""
    if facts.listing_problem or facts.markets_listed is None:
        why = facts.listing_problem or "no reason was given"
        return refuse("listing", f"the listing of {facts.series} cannot be used: {why}", why=why)
    if facts.markets_listed > 0:
        return ALLOW
    return refuse("listing", f"{facts.series} lists no market that can be priced", markets=0)


def parameters(facts: SeriesFacts) -> Verdict:
    """Refuse parameters that are unproven, from the future, or past their date."""
    found = facts.parameters
    if found.problem:
        return refuse(
            "parameters", f"the parameters of {facts.symbol} cannot be used: {found.problem}"
        )
    if found.as_of <= found.today <= found.valid_until:
        return ALLOW
    return refuse(
        "parameters",
        f"the parameters of {facts.symbol} hold from {found.as_of} to {found.valid_until}, "
        f"and it is {found.today}: calibrate again",
        as_of=found.as_of.isoformat(),
        valid_until=found.valid_until.isoformat(),
        today=found.today.isoformat(),
    )


def law_fits(facts: SeriesFacts) -> Verdict:
    """Refuse a symbol whose law has drifted from what happens; less than that shrinks sizes."""
    return facts.fit


def heartbeat_present(facts: SeriesFacts) -> Verdict:
    """Refuse a symbol whose sentry has not spoken, or not lately; a figure has none."""
    if facts.source is not None:
        return ALLOW
    if facts.heartbeat is None:
        return refuse(
            "heartbeat-missing", f"there is no heartbeat of {facts.symbol}: is the sentry running?"
        )
    age = (facts.now - facts.heartbeat.at).total_seconds()
    if abs(age) <= facts.heartbeat_limit_s:  # one from the future means that a clock is wrong
        return ALLOW
    return refuse(
        "heartbeat-stale",
        f"the last heartbeat of {facts.symbol} is {age:.1f} s old, "
        f"over {facts.heartbeat_limit_s} s",
        value=age,
        limit=facts.heartbeat_limit_s,
    )


def feed_lag(facts: SeriesFacts) -> Verdict:
    """Refuse values that arrive too long after they were made, or before: then a clock is wrong."""
    beat = facts.heartbeat
    if beat is None or abs(beat.lag_s) <= facts.lag_limit_s:
        return ALLOW
    return refuse(
        "feed-lag",
        f"the {facts.symbol} feed lags {beat.lag_s:.3f} s, over {facts.lag_limit_s} s",
        value=beat.lag_s,
        limit=facts.lag_limit_s,
    )


def feed_silence(facts: SeriesFacts) -> Verdict:
    """Refuse a feed that has said nothing for too long; a quiet second is within the limit."""
    beat = facts.heartbeat
    if beat is None or beat.silence_s <= facts.silence_limit_s:
        return ALLOW
    return refuse(
        "feed-silence",
        f"the {facts.symbol} feed has been silent for {beat.silence_s:.1f} s, "
        f"over {facts.silence_limit_s} s",
        value=beat.silence_s,
        limit=facts.silence_limit_s,
    )


def feed_delayed(facts: SeriesFacts) -> Verdict:
    """Refuse the vendor's delayed feed."""
    if facts.heartbeat is None or not facts.heartbeat.delayed:
        return ALLOW
    return refuse(
        "feed-delayed",
        f"the {facts.symbol} feed is the vendor's delayed one: a real-time entitlement is needed",
    )


def source_fresh(facts: SeriesFacts) -> Verdict:
    """Refuse a figure whose sources have not spoken for too long; nothing makes them younger."""
    source = facts.source
    if source is None:
        return ALLOW
    if source.problem:
        return refuse("source", f"{facts.symbol} cannot be known: {source.problem}")
    if 0.0 <= source.age_s <= source.limit_s:
        return ALLOW
    return refuse(
        "source-stale",
        f"the oldest source of {facts.symbol} spoke {source.age_s / 3600:.1f} h ago, "
        f"over {source.limit_s / 3600:.0f} h",
        value=source.age_s,
        limit=source.limit_s,
    )


def daily_loss(facts: SeriesFacts) -> Verdict:
    """Refuse a series that has lost its day's cap."""
    return _within("day", facts.series, facts.lost_today, facts.max_loss_per_day)


def weekly_loss(facts: SeriesFacts) -> Verdict:
    """Refuse a series that has lost its week's cap."""
    return _within("week", facts.series, facts.lost_this_week, facts.max_loss_per_week)


def cool_off(facts: SeriesFacts) -> Verdict:
    """Refuse a series that cools off after a loss limit, until the pause ends."""
    if facts.cooling_until is None or facts.now >= facts.cooling_until:
        return ALLOW
    until = iso(facts.cooling_until)
    return refuse(
        "cool-off",
        f"{facts.series} cools off until {until}: {facts.cooling}",
        why=facts.cooling,
        until=until,
    )


def _within(period: str, series: str, lost: int, limit: int) -> Verdict:
    if lost < limit:
        return ALLOW
    return refuse(
        f"loss-{period}",
        f"{series} has lost ${cash_text(lost)} this {period}, its cap is ${cash_text(limit)}",
        value=lost,
        limit=limit,
    )


WindowGate = Callable[[WindowFacts], Verdict]
SeriesGate = Callable[[SeriesFacts], Verdict]

# The kill-switch is asked first, always.
WINDOW_PREFLIGHT: tuple[WindowGate, ...] = (
    kill_switch,
    calendar,
    inside_window,
    frozen,
    exchange_open,
    exchange_pause,
    balance,
    position_limit,
    drawdown_stop,
)
SERIES_PREFLIGHT: tuple[SeriesGate, ...] = (
    listing,
    parameters,
    law_fits,
    heartbeat_present,
    feed_lag,
    feed_silence,
    feed_delayed,
    source_fresh,
    cool_off,
    daily_loss,
    weekly_loss,
)
WINDOW_SCAN: tuple[WindowGate, ...] = (kill_switch, inside_window, frozen, exchange_open)
SERIES_SCAN: tuple[SeriesGate, ...] = (
    listing,
    parameters,
    heartbeat_present,
    feed_lag,
    feed_silence,
    feed_delayed,
    source_fresh,
    cool_off,
)


def judge(
    window: WindowFacts,
    series: tuple[SeriesFacts, ...],
    *,
    window_gates: tuple[WindowGate, ...] = WINDOW_PREFLIGHT,
    series_gates: tuple[SeriesGate, ...] = SERIES_PREFLIGHT,
) -> Judgement:
    """Ask every gate and return every refusal."""
    return Judgement(
        refusals(gate(window) for gate in window_gates),
        {facts.series: refusals(gate(facts) for gate in series_gates) for facts in series},
    )
