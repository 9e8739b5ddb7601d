"""The parameter file: what is shipped, what it proves, and every way it is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.events import load_events
from kalshi_alpha.pricing.parameters import (
    Drift,
    Shape,
    SymbolParameters,
    dump_parameters,
    load_parameters,
    parameters_checksum,
    provenance_of,
    shipped_parameters,
)
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.pricing.variance import RegimeMix
from tests.made_parameters import AS_OF, EVEN, NORMAL, made_parameters, made_part

DAY = date(2025, 11, 4)
FOMC = date(2025, 10, 29)
SHIPPED = ["2025-10-30", "2025-11-03", "2026-02-09"]
HAWKISH = (1.0,) * 9 + (4.0, 10.0, 8.0, 2.0)
COARSE = student_table(4.0, reach=100.0, step=0.5)


def one(symbol="SPX", **changes):
    """Both parts with every field in use."""
    part = made_part(
        minute_ratio=0.75,
        events={"fomc": HAWKISH},
        mix=RegimeMix(1.2, 0.35, 0.4, 0.3, 1.0, 0.02, 200.0),
        shapes=(Shape(2.0, 0.95, COARSE), Shape(60.0, 1.05, COARSE)),
    )
    both = made_parameters(part, replace(part, basis=0.2), symbol=symbol)
    return replace(both, **changes)


def file(**changes):
    document = json.loads(dump_parameters({"SPX": one()}, {"created_at": "2025-11-03"}))
    return document | changes


def sealed(document):
    """Return the file with the checksum that fits it, as somebody who edits it might."""
    rest = {key: value for key, value in document.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return json.dumps(rest | {"checksum": hashlib.sha256(text.encode()).hexdigest()}).encode()


def shipped(as_of):
    """Return the shipped parameters that know data to that day."""
    day = date.fromisoformat(as_of)
    data = shipped_parameters(date.fromordinal(day.toordinal() + 1))
    found = load_parameters(data, day)
    assert {one.as_of for one in found.values()} == {day}
    return found


@pytest.mark.parametrize("as_of", SHIPPED)
def test_a_shipped_file_holds_both_parts_of_both_indices_and_is_small(as_of):
    found = shipped(as_of)
    data = shipped_parameters(date.fromordinal(date.fromisoformat(as_of).toordinal() + 1))

    assert sorted(found) == ["NDX", "SPX"]
    for parameters in found.values():
        assert parameters.hourly is not None
        assert parameters.close is not None
        assert (parameters.valid_until - parameters.as_of).days == 14
    assert len(data) < 120_000


@pytest.mark.parametrize("as_of", SHIPPED)
def test_a_shipped_file_read_nothing_after_its_day(as_of):
    day = date.fromisoformat(as_of)
    provenance = provenance_of(shipped_parameters(date.fromordinal(day.toordinal() + 1)))

    assert sorted(provenance) == ["NDX close", "NDX hourly", "SPX close", "SPX hourly"]
    for made in provenance.values():
        assert made["window"][1] <= as_of
        assert made["evidence"]["last_session"] <= as_of
        assert all(data["last"] <= as_of for data in made["data"])
        assert all(len(data["rows_sha256"]) == 64 and data["files"] for data in made["data"])
        assert len(made["data_hash"]) == len(made["config_hash"]) == 64
        assert f"--through {as_of}" in made["command"]


@pytest.mark.parametrize(
    ("on", "as_of"),
    [
        (date(2025, 10, 31), "2025-10-30"),
        (date(2025, 11, 3), "2025-10-30"),  # a file made that evening was not there that day
        (date(2025, 11, 4), "2025-11-03"),
        (date(2026, 2, 9), "2025-11-03"),
        (date(2026, 2, 10), "2026-02-09"),
        (date(2030, 1, 2), "2026-02-09"),
        (date(2025, 10, 30), "2026-02-09"),  # before them all: the newest, which is then refused
        (None, "2026-02-09"),
    ],
)
def test_the_shipped_file_for_a_day_is_the_newest_that_knew_only_days_before(on, as_of):
    assert json.loads(shipped_parameters(on))["as_of"] == as_of


@pytest.mark.parametrize("as_of", SHIPPED)
def test_a_shipped_curve_is_lively_at_the_open_and_at_the_close_and_calm_between(as_of):
    for parameters in shipped(as_of).values():
        shares = parameters.part(at_close=False).curve.shares
        halves = [sum(shares[k : k + 30]) for k in range(0, 390, 30)]
        calmest = min(halves)
        assert halves[0] > 1.5 * halves[-1] > 1.5 * 1.5 * calmest
        assert halves.index(calmest) in range(6, 12)  # from 12:30 on, before the last half hour


def test_the_shipped_basis_of_the_nasdaq_is_that_of_the_sp_at_its_level():
    found = shipped("2025-11-03")

    assert [found["SPX"].part(at_close=at_close).basis for at_close in (True, False)] == [0.2, 0.1]
    assert [found["NDX"].part(at_close=at_close).basis for at_close in (True, False)] == [
        0.76,
        0.38,
    ]


def test_the_shipped_drift_is_off():
    for parameters in shipped("2025-11-03").values():
        for at_close in (True, False):
            assert parameters.part(at_close=at_close).drift.expected(0.01, 0.01) == 0.0


def test_shipped_committee_afternoons_are_lively_and_their_mornings_are_as_ever():
    for parameters in shipped("2026-02-09").values():
        fomc = parameters.part(at_close=False).events["fomc"]
        assert fomc[:9] == (1.0,) * 9  # to 14:00
        assert max(fomc[9:11]) > 2.0


def test_what_is_written_is_read_back_the_same():
    parameters = {"SPX": one(), "NDX": one("NDX", hourly=made_part(level=5e-5))}

    data = dump_parameters(parameters, {"note": "test"})

    assert load_parameters(data, DAY) == parameters
    assert dump_parameters(parameters, {"note": "test"}) == data


@pytest.mark.parametrize("missing", ["hourly", "close"])
def test_a_file_may_hold_one_part_alone(missing):
    parameters = {"SPX": one(**{missing: None})}
    data = dump_parameters(parameters, {})

    assert load_parameters(data, DAY) == parameters
    assert missing not in json.loads(data)["body"]["SPX"]


def test_no_line_of_the_file_is_too_long_to_compare():
    assert max(map(len, dump_parameters({"SPX": one()}, {}).splitlines())) < 300


def test_the_file_says_how_it_was_made_and_what_it_is():
    data = dump_parameters({"SPX": one()}, {"made": "for a test"})

    assert provenance_of(data) == {"made": "for a test"}
    assert parameters_checksum(data) == json.loads(data)["checksum"]
    assert provenance_of(b'{"provenance": 3}') == {}


@pytest.mark.parametrize(("at_close", "kind"), [(True, "close"), (False, "hourly")])
def test_a_missing_part_is_a_sentence_with_the_command_that_fits_it(at_close, kind):
    other = one(**{kind: None})

    assert other.part(at_close=not at_close) is not None
    with pytest.raises(ParameterError, match=f"no {kind} part for SPX") as caught:
        other.part(at_close=at_close)
    assert f"kalshi-alpha calibrate {kind} --symbol SPX" in str(caught.value)


def test_a_symbol_without_any_part_is_refused():
    with pytest.raises(ParameterError, match="no part at all for SPX"):
        SymbolParameters("SPX", AS_OF, AS_OF, None, None)


@pytest.mark.parametrize(
    "data", [b"", b"not json", b"\xff\xfe", b"{", b"[]", b"3", b"null", b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused(data):
    with pytest.raises(ParameterError, match="JSON"):
        load_parameters(data, DAY)


@pytest.mark.parametrize("schema", [0, 1])
def test_another_schema_is_refused(schema):
    name = f"kalshi-alpha/index-parameters/{schema}"

    with pytest.raises(ParameterError, match=f"schema '{name}'"):
        load_parameters(sealed(file(schema=name)), DAY)


@pytest.mark.parametrize("checksum", ["", None, "0" * 64, 7])
def test_a_wrong_checksum_is_refused(checksum):
    with pytest.raises(ParameterError, match="checksum"):
        load_parameters(json.dumps(file(checksum=checksum)).encode(), DAY)


def test_a_missing_checksum_is_refused():
    document = file()
    del document["checksum"]

    with pytest.raises(ParameterError, match="checksum"):
        load_parameters(json.dumps(document).encode(), DAY)


@pytest.mark.parametrize("key", ["valid_until", "as_of", "provenance"])
def test_the_checksum_covers_dates_and_provenance_too(key):
    with pytest.raises(ParameterError, match="checksum"):
        load_parameters(json.dumps(file(**{key: "2030-01-01"})).encode(), DAY)


def test_a_day_before_the_last_of_the_data_is_looking_ahead():
    data = shipped_parameters(DAY)

    load_parameters(data, date(2025, 11, 3))
    with pytest.raises(ParameterError, match="looking ahead"):
        load_parameters(data, date(2025, 11, 2))
    with pytest.raises(ParameterError, match="looking ahead"):
        load_parameters(data, date(2025, 11, 2), expired_too=True)


def test_parameters_run_out():
    data = shipped_parameters(DAY)

    load_parameters(data, date(2025, 11, 17))
    with pytest.raises(ParameterError, match="good until 2025-11-17"):
        load_parameters(data, date(2025, 11, 18))


def test_a_score_of_history_may_use_what_has_run_out():
    found = load_parameters(shipped_parameters(DAY), date(2026, 6, 1), expired_too=True)

    assert sorted(found) == ["NDX", "SPX"]


def test_no_file_can_give_itself_more_than_fourteen_days():
    data = sealed(file(valid_until="2030-01-01"))

    with pytest.raises(ParameterError, match="refit"):
        load_parameters(data, date(2025, 11, 18))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("level",), 0.0),
        (("level",), -1e-5),
        (("level",), 2.0),
        (("level",), "much"),
        (("level",), None),
        (("minute_ratio",), 0.1),
        (("minute_ratio",), 10.0),
        (("minute_ratio",), float("nan")),
        (("curve",), [1 / 390] * 389),
        (("curve",), [1 / 380] * 390),
        (("curve",), 1.0),
        (("events",), {"fomc": [1.0] * 12}),
        (("events",), {"fomc": [1.0] * 12 + [0.0]}),
        (("events",), {"fomc": [1.0] * 12 + [float("inf")]}),
        (("events",), {"fomc": 3.0}),
        (("events",), None),
        (("mix", "typical"), 0.0),
        (("mix", "since_open"), 2.1),
        (("mix", "last_10"), -0.1),
        (("mix", "prior_minutes"), 0.0),
        (("mix", "unheard_of"), 1.0),
        (("shapes",), []),
        (("shapes", 0, "up_to"), 0.0),
        (("shapes", 0, "up_to"), 60.0),  # as long as the next one
        (("shapes", 0, "up_to"), 61.0),
        (("shapes", 0, "stretch"), 0.0),
        (("shapes", 0, "stretch"), float("inf")),
        (("shapes", 1, "knots"), [0.0, 1.0]),
        (("shapes", 1), {"knots": [0.0, 1.0, 2.0, 3.0]}),
        (("basis",), -0.1),
        (("basis",), {"close": 0.1}),
        (("drift", "max_sd"), -1.0),
        (("drift", "momentum"), "nan"),
    ],
)
@pytest.mark.parametrize("kind", ["hourly", "close"])
def test_a_number_outside_its_domain_is_refused(path, value, kind):
    document = file()
    entry = document["body"]["SPX"][kind]
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value

    with pytest.raises(ParameterError):
        load_parameters(sealed(document), DAY)


@pytest.mark.parametrize("key", ["as_of", "valid_until", "body"])
def test_a_missing_field_is_refused(key):
    document = file()
    del document[key]

    with pytest.raises(ParameterError, match="lack or garble"):
        load_parameters(sealed(document), DAY)


@pytest.mark.parametrize(
    "key", ["level", "minute_ratio", "curve", "events", "mix", "shapes", "basis", "drift"]
)
def test_a_part_without_one_of_its_fields_is_refused(key):
    document = file()
    del document["body"]["SPX"]["close"][key]

    with pytest.raises(ParameterError, match="lack or garble"):
        load_parameters(sealed(document), DAY)


@pytest.mark.parametrize("entry", [{}, {"hourly": None}, {"noon": {}}])
def test_a_symbol_that_says_nothing_is_refused(entry):
    with pytest.raises(ParameterError, match="no part at all"):
        load_parameters(sealed(file(body={"SPX": entry})), DAY)


def test_parameters_of_different_days_do_not_share_a_file():
    with pytest.raises(ParameterError, match="one date"):
        dump_parameters({"SPX": one(), "NDX": one("NDX", as_of=date(2025, 11, 2))}, {})


def test_a_file_of_nothing_is_refused():
    with pytest.raises(ParameterError, match="one date"):
        dump_parameters({}, {})


def test_the_curve_is_stirred_on_an_events_day_and_on_no_other():
    part = made_part(events={"fomc": HAWKISH})
    shares = part.curve_on(FOMC).shares

    assert shares[:270] == EVEN.shares[:270]
    assert shares[270:300] == pytest.approx([4 / 390] * 30)
    assert shares[300:330] == pytest.approx([10 / 390] * 30)
    assert shares[330:360] == pytest.approx([8 / 390] * 30)
    assert shares[360:] == pytest.approx([2 / 390] * 30)
    assert part.curve_on(date(2025, 10, 28)) is part.curve
    assert part.curve_on(date(2025, 10, 24)) is part.curve  # prices were published, no decision


def test_only_a_part_that_knows_the_event_is_stirred_by_it():
    found = made_parameters(made_part(events={"fomc": HAWKISH}), made_part())

    assert found.part(at_close=False).curve_on(FOMC) != EVEN
    assert found.part(at_close=True).curve_on(FOMC) is EVEN


def test_an_event_the_table_of_days_does_not_have_stirs_nothing():
    part = made_part(events={"payrolls": HAWKISH})

    assert all(
        part.curve_on(day) is EVEN for kind in load_events().values() for day in kind.days[:5]
    )


def test_a_shape_is_picked_by_its_longest_horizon():
    shapes = tuple(Shape(up_to, 1.0, NORMAL) for up_to in (2.0, 7.5, 60.0))
    part = made_part(shapes=shapes)

    picked = [(m, part.shape(m).up_to) for m in (0.01, 2.0, 2.01, 7.5, 30.0, 60.0, 390.0)]

    assert picked == [
        (0.01, 2.0),
        (2.0, 2.0),
        (2.01, 7.5),
        (7.5, 7.5),
        (30.0, 60.0),
        (60.0, 60.0),
        (390.0, 60.0),  # beyond the longest, the longest's
    ]


def test_the_drift_is_bounded_by_the_scale_and_off_by_default():
    assert Drift(0.0, 0.25).expected(0.01, 0.001) == 0.0
    assert Drift(0.1, 0.25).expected(0.001, 0.001) == pytest.approx(0.0001)
    assert Drift(0.1, 0.25).expected(0.1, 0.001) == pytest.approx(0.00025)
    assert Drift(0.1, 0.25).expected(-0.1, 0.001) == pytest.approx(-0.00025)
