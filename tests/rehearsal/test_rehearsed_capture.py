"""What the sentry kept of a rehearsed day, read back as research would."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.cloud.captures import captured
from kalshi_alpha.errors import SequenceGapError
from kalshi_alpha.markets.capture import INDEX, ORDERS, VENUE, Heard
from kalshi_alpha.venues.kalshi.keeper import BookKeeper
from tests.rehearsal.conftest import Rehearsed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rehearsal")]

NOON = datetime(2025, 11, 4, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def heard(rehearsed: Rehearsed) -> list[Heard]:
    store = FolderStore(rehearsed.folder / "artifacts")
    return list(captured(store, NOON - timedelta(minutes=10), NOON + timedelta(minutes=1)))


def frames(heard: list[Heard], kind: str) -> list[dict]:
    return [line.body for line in heard if line.kind == VENUE and line.body["type"] == kind]


def test_the_index_is_kept_value_by_value(heard: list[Heard]) -> None:
    last_minute = [
        line.body
        for line in heard
        if line.kind == INDEX and timedelta(0) < NOON - line.at < timedelta(minutes=1)
    ]

    assert {body["symbol"] for body in last_minute} == {"SPX", "NDX"}
    assert len(last_minute) > 60
    assert all(abs(body["t"] / 1000 - NOON.timestamp()) < 62 for body in last_minute)


def test_the_books_of_quoted_markets_are_kept_whole(
    rehearsed: Rehearsed, heard: list[Heard]
) -> None:
    opened = [line.body for line in heard if line.kind == VENUE and "sid" in line.body]
    snapshots = frames(heard, "orderbook_snapshot")
    tickers = {body["msg"]["market_ticker"] for body in snapshots}
    books = {body["sid"] for body in snapshots}  # trades have a subscription of their own
    keeper = BookKeeper(tuple(sorted(tickers)))
    changes = 0
    for frame in opened:
        if frame["sid"] in books:
            try:
                changes += keeper.apply(frame) is not None
            except SequenceGapError as gap:  # the keeper of the day saw the same frames
                pytest.fail(str(gap))

    placed = sum(row["quotes_placed"] for row in rehearsed.windows[:2])
    assert placed > 0
    assert tickers
    assert changes > 100
    assert not keeper.stale


def test_our_own_orders_are_kept_from_birth_to_end(heard: list[Heard]) -> None:
    said = [body["msg"] for body in frames(heard, "user_order")]
    born = {msg["order_id"] for msg in said if msg["status"] == "resting"}
    ended = {msg["order_id"] for msg in said if msg["status"] in {"canceled", "executed"}}

    assert born
    assert born <= ended
    assert any(line.kind == ORDERS and line.body["orders"] for line in heard)


def test_heartbeats_and_drift_are_told_without_a_secret(rehearsed: Rehearsed) -> None:
    files = list((rehearsed.folder / "artifacts" / "capture").rglob("*.jsonl.gz"))

    assert files
    notes = [
        json.dumps(line.body)
        for line in captured(
            FolderStore(rehearsed.folder / "artifacts"),
            NOON - timedelta(hours=1),
            NOON + timedelta(hours=5),
        )
        if line.kind == "note"
    ]
    assert any("venue socket open" in note for note in notes)
    assert not any("PRIVATE" in note or "api_key" in note for note in notes)
