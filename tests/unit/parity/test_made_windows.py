"""A made window decided once more: the same, or each alteration named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.parity.differences import CAPTURE, DECISION, FEE, FILL, INPUT, ORDER, PLAN
from kalshi_alpha.parity.run import WindowParity, compare, compare_window, document, windows_in
from tests.exchange_host import MIDDLE
from tests.unit.parity.made_window import (
    NEXT,
    WINDOW,
    Making,
    making,
    rewrite_json,
    rewrite_lines,
)

SEEN, BOOKS = f"windows/{WINDOW}/seen", f"windows/{WINDOW}/books.json.gz"


def play(made: Making) -> None:
    """Quote, be filled in part and whole, quote again, and close."""
    made.begin()
    made.host.pass_time(5 * 60)
    made.round(6800.0, 6801.0, 6800.5)
    made.host.pass_time(3)
    made.host.rival("bid", 1600, 500, NEXT)  # comes behind ours
    made.host.pass_time(3)
    made.take(MIDDLE, 3100, 60)  # fills some of ours
    made.host.pass_time(3)
    made.take(NEXT, 1500, 250)  # fills ours, and goes on
    made.host.pass_time(8)
    made.round(6802.0, 6803.0)
    made.host.pass_time(18)
    made.round(6801.0)
    made.close()


def play_paper(made: Making) -> None:
    """Quote on paper: a touch gives nothing, a trade past the price what it holds."""
    made.begin()
    made.host.pass_time(5 * 60)
    made.round(6800.0, 6801.0)
    made.host.pass_time(3)
    made.take(MIDDLE, 3000, 60)  # past our 3100
    made.host.rival("bid", 1600, 300, NEXT)
    made.host.pass_time(3)
    made.take(NEXT, 1600, 300)  # at ours: no evidence
    made.host.pass_time(10)
    made.round(6802.0)
    made.close()


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twin")
    with making(folder) as made:
        play(made)
    return folder


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paper")
    with making(folder, paper=True) as made:
        play_paper(made)
    return folder


@pytest.fixture
def altered(twin: Path, tmp_path: Path) -> Path:
    """Return a copy of the window that a test may alter."""
    return Path(shutil.copytree(twin, tmp_path / "altered"))


def captures(folder: Path) -> list[Path]:
    return sorted((folder / "capture").rglob("*.jsonl.gz"))


def kinds(found: WindowParity) -> set[str]:
    return {each.kind for each in found.differences}


def sentences(found: WindowParity) -> str:
    return "\n".join(each.told for each in found.differences)


def test_a_window_decided_once_more_is_the_same(twin: Path) -> None:
    found = compare_window(twin, WINDOW)

    assert sentences(found) == ""
    assert (found.verdict, found.broker) == ("same", "twin")
    counts = found.counts
    assert (counts.scans, counts.quotes, counts.actions) == (3, 6, 7)
    # One quote wanted a market anew whose order had filled after its scan.
    assert (counts.orders, counts.not_placed) == (4, 1)
    assert (counts.fills, counts.fills_forced, counts.fees) == (2, 2, 0)
    assert (counts.readings, counts.books, counts.values) == (6, 6, 14)
    assert counts.ev_difference == 0.0
    assert counts.decisions > 100


def test_a_paper_window_is_the_same_and_fills_by_trades_past_its_price(paper: Path) -> None:
    found = compare_window(paper, WINDOW)

    assert sentences(found) == ""
    assert (found.broker, found.counts.orders) == ("paper", 2)
    assert (found.counts.fills, found.counts.fills_forced) == (1, 1)


def change_why(folder: Path, revision: int, change: Callable[[dict[str, Any]], None]) -> str:
    """Alter the decision that quotes the middle strike; return where it is."""
    file = folder / f"windows/{WINDOW}/why/{revision:04d}.jsonl"

    def alter(lines: list[dict[str, Any]]) -> None:
        change(next(x for x in lines if x["ticker"] == MIDDLE and x["decision"] == "quote"))

    rewrite_lines(file, alter)
    return f"KXINXU {MIDDLE} bid"


def test_a_decision_that_was_another_is_named(altered: Path) -> None:
    where = change_why(altered, 1, lambda x: x.update(decision="refuse", code="bin-cap"))

    (found,) = compare_window(altered, WINDOW).differences
    assert (found.kind, found.revision, found.where) == (DECISION, 1, where)
    assert "decision 'refuse' and not 'quote', code 'bin-cap' and not ''" in found.sentence


@pytest.mark.parametrize(("moved", "verdict"), [(9e-10, "same"), (2e-9, "part")])
def test_an_expected_value_may_differ_by_a_billionth_of_a_dollar(
    altered: Path, moved: float, verdict: str
) -> None:
    change_why(altered, 2, lambda x: x.update(ev=x["ev"] + moved))

    found = compare_window(altered, WINDOW)
    assert found.verdict == verdict
    assert found.counts.ev_difference == pytest.approx(moved, abs=1e-12)


def test_a_decision_that_is_missing_is_named(altered: Path) -> None:
    file = altered / f"windows/{WINDOW}/why/0003.jsonl"
    rewrite_lines(file, lambda lines: lines[1:])

    (found,) = compare_window(altered, WINDOW).differences
    assert "is in the replay alone" in found.sentence


def test_a_plan_that_was_another_is_named(altered: Path) -> None:
    file = altered / f"windows/{WINDOW}/scan/0001.json"
    shown = json.loads(file.read_text())
    shown["plan"]["targets"][0]["price"] += 100
    file.write_text(json.dumps(shown))

    (found,) = compare_window(altered, WINDOW).differences
    assert (found.kind, found.where) == (PLAN, f"{MIDDLE} bid")
    assert found.sentence.endswith("100 at 3200 in the record and 100 at 3100 in the replay")


def entry(document: dict[str, Any], kind: str, **wanted: Any) -> dict[str, Any]:
    return next(
        e
        for e in document["entries"]
        if e["sk"].startswith(kind) and all(e[k] == v for k, v in wanted.items())
    )


def test_a_desk_that_set_out_for_something_else_is_named(altered: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        entry(document, "DESK#", sk="DESK#000001")["actions"][0]["target"]["price"] = 2900

    rewrite_json(altered / BOOKS, change)

    (found,) = compare_window(altered, WINDOW).differences
    assert (found.kind, found.revision) == (ORDER, 1)
    assert "set out to create 100 at 2900 in the record and to create 100 at 3100" in found.sentence


def change_frames(folder: Path, change: Callable[[list[Any]], Any]) -> None:
    """Alter the lines of all captures as if they were one file: the first takes them."""
    files = captures(folder)
    for file in files:
        rewrite_lines(file, change)


def test_an_order_that_was_another_than_planned_is_named(altered: Path) -> None:
    def change(lines: list[Any]) -> None:
        for _, kind, body in lines:
            msg = body.get("msg", {})
            if kind == "venue" and body["type"] == "user_order" and msg["ticker"] == MIDDLE:
                msg["yes_price_dollars"] = "0.2900"

    change_frames(altered, change)

    found = compare_window(altered, WINDOW)
    assert {ORDER, INPUT} <= kinds(found)
    assert f"came to be as bid 100 at 2900 in {MIDDLE}, the plan wanted bid 100 at 3100" in (
        sentences(found)
    )


def test_an_order_that_the_capture_does_not_know_is_named(altered: Path) -> None:
    def change(lines: list[Any]) -> list[Any]:
        return [x for x in lines if x[1] != "venue" or x[2]["type"] != "user_order"]

    change_frames(altered, change)

    found = compare_window(altered, WINDOW)
    assert found.counts.orders == 0
    assert "is nowhere in the capture" in sentences(found)
    assert "the record has nothing of it resting then" in sentences(found)


def test_a_fee_that_is_not_by_the_rule_is_named(altered: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        entry(document, "FILL#", ticker=NEXT)["fee"] = 10_000

    rewrite_json(altered / BOOKS, change)

    found = compare_window(altered, WINDOW)
    assert FEE in kinds(found)
    assert "cost 10000 cash units where the rule says 0" in sentences(found)


def test_a_fill_larger_than_its_trade_gave_is_named(altered: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        entry(document, "FILL#", ticker=MIDDLE)["size"] = 70

    rewrite_json(altered / BOOKS, change)

    found = compare_window(altered, WINDOW)
    assert "70 at 3100" in sentences(found)
    assert "is explained by no public trade and place in the queue" in sentences(found)


def test_a_fill_without_a_public_trade_is_named(altered: Path) -> None:
    rewrite_json(altered / BOOKS, lambda document: document["trades"][MIDDLE].clear())

    missing, found = compare_window(altered, WINDOW).differences
    assert (found.kind, found.where.count("-")) == (FILL, 4)
    assert "60 at 3100" in found.sentence
    assert missing.kind == CAPTURE
    assert missing.sentence.endswith(f"of {MIDDLE} is not among those kept")


def test_a_fill_that_should_have_been_is_named(altered: Path) -> None:
    def past_us(document: dict[str, Any]) -> None:
        document["trades"][NEXT].append(["t", 5500, 10, "bid", "2026-10-06T15:56:00Z"])

    rewrite_json(altered / BOOKS, past_us)

    (found,) = compare_window(altered, WINDOW).differences
    assert found.kind == FILL
    assert "got 0 of the trade t, 10 at 5500 at 15:56:00.000000, and must have got 100" in (
        found.sentence
    )


def test_trades_that_were_not_kept_are_named(altered: Path) -> None:
    rewrite_json(altered / BOOKS, lambda document: document["trades"].update({MIDDLE: None}))

    found = compare_window(altered, WINDOW)
    assert f"the public trades of {MIDDLE} were not kept" in sentences(found)


def test_a_missing_frame_of_a_book_is_named(altered: Path) -> None:
    def change(lines: list[Any]) -> list[Any]:
        return [x for x in lines if x[1] != "venue" or x[2].get("seq") != 4]

    change_frames(altered, change)

    found = compare_window(altered, WINDOW)
    assert CAPTURE in kinds(found)
    assert "frame 5 came where 4 was due" in sentences(found)


def test_a_missing_index_value_is_named(altered: Path) -> None:
    def change(lines: list[Any]) -> list[Any]:
        return [x for x in lines if x[1] != "index" or x[2]["value"] != 6803.0]

    change_frames(altered, change)

    found = compare_window(altered, WINDOW)
    assert INPUT in kinds(found)
    assert "the heartbeat of SPX written at 15:55:28.800000 is another one" in sentences(found)
    assert DECISION in kinds(found)


def test_a_book_that_never_stood_so_is_named(altered: Path) -> None:
    file = altered / SEEN / "0002.json.gz"

    def change(document: dict[str, Any]) -> None:
        document["series"]["KXINXU"]["books"]["found"][NEXT][1] = [[5400, 1000]]

    rewrite_json(file, change)

    found = compare_window(altered, WINDOW)
    assert f"the book of {NEXT} that the scan read" in sentences(found)
    assert "never stood so in the capture" in sentences(found)


def test_a_listing_that_lacked_an_order_is_named(altered: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["series"]["KXINXU"]["orders"]["found"] = []

    rewrite_json(altered / SEEN / "0003.json.gz", change)

    found = compare_window(altered, WINDOW)
    assert "a listing did not show order" in sentences(found)


def test_a_fill_that_a_scan_should_have_known_is_named(altered: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["series"]["KXINXU"]["exposure"]["fills"] = []

    rewrite_json(altered / SEEN / "0003.json.gz", change)

    found = compare_window(altered, WINDOW)
    assert "was before our last look at the venue, and the scan did not know it" in (
        sentences(found)
    )


def test_a_capture_that_breaks_off_is_named(altered: Path) -> None:
    file = captures(altered)[0]
    file.write_bytes(file.read_bytes()[:-9])

    found = compare_window(altered, WINDOW)
    assert "cannot be read on: a capture is cut short" in sentences(found)


def test_another_registry_is_named(altered: Path) -> None:
    rewrite_json(altered / SEEN / "0001.json.gz", lambda document: document.update(registry="x"))

    found = compare_window(altered, WINDOW)
    assert "decided under another registry than the one at hand" in sentences(found)


def test_a_window_without_its_record_is_refused_with_a_sentence(altered: Path) -> None:
    shutil.rmtree(altered / SEEN)

    with pytest.raises(DataError, match="no record of what its scans saw"):
        compare_window(altered, WINDOW)
    with pytest.raises(DataError, match="holds no window of 20261007"):
        windows_in(altered, only="20261007")


def test_a_window_in_which_nothing_was_scanned_did_nothing(tmp_path: Path) -> None:
    with making(tmp_path) as made:
        made.runtime.state.set_kill_switch(on=True, reason="r", by="b", at=made.host.clock.now())
        made.begin(go=False)
        made.close()
    found = compare_window(tmp_path, WINDOW)
    assert (found.verdict, found.counts.scans, found.counts.orders) == ("same", 0, 0)


def test_a_window_that_cannot_be_read_does_not_hide_the_others(altered: Path, twin: Path) -> None:
    (altered / BOOKS).unlink()
    (found,) = compare(altered, [WINDOW])
    assert found.verdict == "part"
    assert "cannot be decided once more: there is no artifact" in sentences(found)
    assert [each.verdict for each in compare(twin, windows_in(twin))] == ["same"]


@pytest.mark.parametrize("data", [b"", b"x", b"\x1f\x8b"])
def test_a_record_that_is_none_is_refused_with_a_sentence(altered: Path, data: bytes) -> None:
    (altered / BOOKS).write_bytes(data)
    with pytest.raises(DataError, match="the window's books cannot be read"):
        compare_window(altered, WINDOW)


def test_a_scan_that_cannot_be_read_is_refused_with_a_sentence(altered: Path) -> None:
    rewrite_json(altered / SEEN / "0001.json.gz", lambda document: document.update(format=9))
    with pytest.raises(DataError, match="its format is 9, known is 1"):
        compare_window(altered, WINDOW)


def test_a_comparison_is_plain_json(twin: Path, altered: Path) -> None:
    change_why(altered, 1, lambda x: x.update(code="x"))
    found = document([compare_window(twin, WINDOW), compare_window(altered, WINDOW)])

    assert json.loads(json.dumps(found)) == found
    assert (found["verdict"], found["differences"]) == ("part", 1)
    assert [each["verdict"] for each in found["windows"]] == ["same", "part"]
