"""The index vendor's REST answers, out of paths and a clock.

What real plans leave open is settled here so: an aggregate appears when its window is over, and
the previous close is the one of the latest recorded session, absent when there is none.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from aiohttp import web

from kalshi_alpha.clock import NEW_YORK, Clock, iso
from kalshi_alpha.markets.sessions import Sessions, load_sessions
from kalshi_alpha.rehearsal.aggregates import (
    SPANS,
    Windows,
    midnight,
    page,
    session_bar,
    session_before,
)
from kalshi_alpha.rehearsal.path import Bar, IndexPath

DELAYED_FROM_S = 60.0  # a feed this late is a delayed plan's; the real one is 900 s late

_DEFAULT_LIMIT, _MOST = 5_000, 50_000
_AHEAD_DAYS = 400  # how far the list of closures looks
_NAMES = {"SPX": "S&P 500", "NDX": "Nasdaq-100"}
_GROUPS = (
    "s_and_p", "nasdaq", "dow_jones", "cgi", "cccy", "ftse_russell", "msci", "mstar", "mstarc",
    "societe_generale",
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND, _MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def milliseconds(at: datetime) -> int:
    """Return Unix milliseconds, rounded down."""
    return (at - _EPOCH) // _MILLISECOND


class Problem(Exception):
    """An answer that is not 200."""

    def __init__(self, http: int, status: str, message: str) -> None:
        super().__init__(message)
        self.http, self.status, self.message = http, status, message


class Rest:
    """The vendor's paths; ``paths`` is by vendor ticker, ``delay_s`` tells how late it is."""

    def __init__(
        self,
        clock: Clock,
        paths: Mapping[str, IndexPath],
        key: str,
        delay_s: Callable[[], float],
    ) -> None:
        self._clock, self._paths, self._key, self._delay_s = clock, paths, key, delay_s
        self._requests = count(1)

    def add_to(self, app: web.Application) -> None:
        """Put the paths into ``app``."""
        aggregates = "/v2/aggs/ticker/{ticker}/range/{multiplier}/{span}/{start}/{end}"
        app.router.add_get(aggregates, self._answering(self._aggregates))
        app.router.add_get("/v2/aggs/ticker/{ticker}/prev", self._answering(self._previous))
        app.router.add_get("/v1/open-close/{ticker}/{date}", self._answering(self._open_close))
        app.router.add_get("/v3/snapshot/indices", self._answering(self._snapshot))
        app.router.add_get("/v3/snapshot", self._answering(self._snapshot))
        app.router.add_get("/v1/marketstatus/now", self._answering(self._status))
        app.router.add_get("/v1/marketstatus/upcoming", self._answering(self._upcoming))

    def _answering(self, answer: Callable[[web.Request], Any]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            request_id = f"{next(self._requests):032x}"
            try:
                self._admit(request)
                body = answer(request)
            except Problem as no:
                said = {"status": no.status, "request_id": request_id, "error": no.message}
                return web.json_response(said, status=no.http)
            if isinstance(body, dict) and not request.path.startswith("/v1/marketstatus"):
                body["request_id"] = request_id
            return web.json_response(body)

        return handler

    def _admit(self, request: web.Request) -> None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._key not in {bearer, request.query.get("apiKey", "")}:
            raise Problem(401, "ERROR", "Unknown API Key")

    def _now(self) -> datetime:
        return self._clock.now() - timedelta(seconds=self._delay_s())

    def _today(self) -> date:
        return self._now().astimezone(NEW_YORK).date()

    def _path(self, request: web.Request) -> IndexPath:
        ticker = request.match_info["ticker"]
        if ticker not in self._paths:
            raise Problem(404, "NOT_FOUND", f"Ticker not found: {ticker}")
        return self._paths[ticker]

    # --- aggregates --------------------------------------------------------------------------

    def _aggregates(self, request: web.Request) -> dict[str, Any]:
        path, asked = self._path(request), request.match_info
        windows = _windows(asked["multiplier"], asked["span"])
        limit = _whole(request.query.get("limit", str(_DEFAULT_LIMIT)), "limit", _MOST)
        descending = request.query.get("sort", "asc") == "desc"
        start, end = _instant(asked["start"], last=False), _instant(asked["end"], last=True)
        if cursor := request.query.get("cursor"):
            reached = _read_cursor(cursor)
            start, end = (start, reached + _MILLISECOND) if descending else (reached, end)
        found = page(path, windows, (start, end), self._now(), limit=limit, descending=descending)
        body = {
            "ticker": asked["ticker"],
            "queryCount": found.base_rows,
            "resultsCount": len(found.bars),
            "count": len(found.bars),
            "results": [_aggregate(bar) for bar in found.bars],
            "status": self._word(),
        }
        if found.next_start is not None:
            kept = {k: v for k, v in request.query.items() if k in {"limit", "sort"}}
            query = kept | {"cursor": _write_cursor(found.next_start)}
            body["next_url"] = str(request.url.with_query(query))
        return body

    def _previous(self, request: web.Request) -> dict[str, Any]:
        path, ticker = self._path(request), request.match_info["ticker"]
        before = session_before(path.symbol, self._today())
        results = [] if before is None else [{"T": ticker} | _aggregate(before[1])]
        body = {"ticker": ticker, "queryCount": len(results), "resultsCount": len(results)}
        return body | {"count": len(results), "results": results, "status": self._word()}

    def _open_close(self, request: web.Request) -> dict[str, Any]:
        path, day = self._path(request), _day(request.match_info["date"])
        bar = session_bar(path.symbol, day)
        session = load_sessions().on(day)
        if bar is None or session is None or self._now() < session.close:
            raise Problem(404, "NOT_FOUND", "Data not found.")
        body = {"status": self._word(), "from": day.isoformat()}
        body["symbol"] = request.match_info["ticker"]
        return body | {"open": bar.open, "high": bar.high, "low": bar.low, "close": bar.close}

    def _word(self) -> str:
        return "DELAYED" if self._delay_s() >= DELAYED_FROM_S else "OK"

    # --- snapshot ----------------------------------------------------------------------------

    def _snapshot(self, request: web.Request) -> dict[str, Any]:
        asked = request.query.get("ticker.any_of") or request.query.get("ticker")
        tickers = asked.split(",") if asked else sorted(self._paths)
        limit = _whole(request.query.get("limit", "250" if asked else "10"), "limit", 250)
        return {"results": [self._row(ticker) for ticker in tickers[:limit]], "status": "OK"}

    def _row(self, ticker: str) -> dict[str, Any]:
        path, now = self._paths.get(ticker), self._now()
        updated = None if path is None else path.updated_at(now)
        value = None if path is None else path.value_at(now)
        if path is None or updated is None or value is None:
            return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}
        return {
            "ticker": ticker,
            "name": _NAMES.get(path.symbol, path.symbol),
            "type": "indices",
            "value": value,
            "last_updated": (updated - _EPOCH) // _MICROSECOND * 1_000,
            "timeframe": "DELAYED" if self._delay_s() >= DELAYED_FROM_S else "REAL-TIME",
            "market_status": "open" if path.is_open(now) else "closed",
            "session": self._session(path, value, now),
        }

    def _session(self, path: IndexPath, value: float, now: datetime) -> dict[str, float]:
        minute = Windows(1, "minute").start(now)
        rows = path.bars(midnight(self._today()), minute)
        latest = [v for _, v in path.seconds(minute, now)] or [value]
        session = {
            "open": rows[0].open if rows else latest[0],
            "high": max([*(row.high for row in rows), *latest]),
            "low": min([*(row.low for row in rows), *latest]),
            "close": value,
        }
        before = session_before(path.symbol, self._today())
        if before is not None:
            close = before[1].close
            session["previous_close"] = close
            session["change"] = round(value - close, 2)
            session["change_percent"] = round(100 * (value / close - 1), 3)
        return session

    # --- market status -----------------------------------------------------------------------

    def _status(self, _: web.Request) -> dict[str, Any]:
        now = self._clock.now()
        word = "open" if any(path.is_open(now) for path in self._paths.values()) else "closed"
        return {
            "market": word,
            "earlyHours": False,
            "afterHours": False,
            "serverTime": now.astimezone(NEW_YORK).isoformat(timespec="seconds"),
            "exchanges": dict.fromkeys(("nyse", "nasdaq", "otc"), word),
            "currencies": {"crypto": "open", "fx": word},
            "indicesGroups": dict.fromkeys(_GROUPS, word),
        }

    def _upcoming(self, _: web.Request) -> list[dict[str, str]]:
        sessions, today = load_sessions(), self._clock.now().astimezone(NEW_YORK).date()
        days = (today + timedelta(days=k) for k in range(_AHEAD_DAYS))
        found = (_holiday(sessions, day) for day in days if day <= sessions.last)
        return [
            {"date": holiday.pop("date"), "exchange": exchange} | holiday
            for row in found
            if row is not None
            for exchange in ("NYSE", "NASDAQ")
            for holiday in (dict(row),)
        ]


def _holiday(sessions: Sessions, day: date) -> dict[str, str] | None:
    """Return what is unusual about a weekday, None when nothing is."""
    session = sessions.on(day)
    if session is not None and session.early:
        hours = {"open": iso(session.open), "close": iso(session.close)}
        return {"date": day.isoformat(), "name": "Half day", "status": "early-close"} | hours
    if session is None and day.isoweekday() < 6:
        name = sessions.why_closed(day).partition(" closed for ")[2].partition(". ")[0]
        return {"date": day.isoformat(), "name": name, "status": "closed"}
    return None


def _aggregate(bar: Bar) -> dict[str, Any]:
    return {
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "t": milliseconds(bar.start),
    }


def _windows(multiplier: str, span: str) -> Windows:
    if span not in SPANS:
        raise Problem(400, "ERROR", f"the timespan {span!r} is not one of {', '.join(SPANS)}")
    return Windows(_whole(multiplier, "multiplier", _MOST), span)


def _whole(text: str, name: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise Problem(400, "ERROR", f"the {name} {text!r} is not a number from 1 to {most}")
    return int(text)


def _instant(text: str, *, last: bool) -> datetime:
    """Return when a range starts, or, for its ``last`` end, the first instant after it."""
    if re.fullmatch(r"[0-9]{9,15}", text):
        return _EPOCH + (int(text) + last) * _MILLISECOND
    return midnight(_day(text) + timedelta(days=last))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Problem(400, "ERROR", f"{text!r} is neither YYYY-MM-DD nor milliseconds") from None


def _write_cursor(at: datetime) -> str:
    return base64.urlsafe_b64encode(str(milliseconds(at)).encode()).decode()


def _read_cursor(text: str) -> datetime:
    try:
        return _EPOCH + int(base64.urlsafe_b64decode(text)) * _MILLISECOND
    except (ValueError, binascii.Error):
        raise Problem(400, "ERROR", "the cursor is not one that was given out") from None
