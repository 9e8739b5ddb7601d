"""The macro parsers on spoiled answers: figures in their domain, or an error of ours."""

from __future__ import annotations

import json
import os
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kalshi_alpha.venues.macro import bls, dol, fred, gasoline, nowcast, treasury
from tests import macro_payloads as made
from tests.fuzz.judging import judged
from tests.fuzz.mutating import spoiled, spoiled_text, written
from tests.macro_payloads import TODAY, as_json

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
JSON = {
    "bls": (made.BLS, lambda data: bls.parse(data, made.BLS_IDS, TODAY)),
    "fred": (made.FRED_JSON, lambda data: fred.parse_json(data, "ICSA", TODAY)),
    "eia": (made.EIA, lambda data: gasoline.parse_eia(data, TODAY)),
    "nowcast": (made.NOWCAST, lambda data: nowcast.parse(data, TODAY)),
}
TEXT = {
    "fred": (made.FRED_CSV, lambda data: fred.parse_csv(data, "ICSA", TODAY)),
    "dol": (made.DOL, lambda data: dol.parse(data, TODAY, jurisdictions=2)),
    "yields": (made.TREASURY_CSV, lambda data: treasury.parse_csv(data, TODAY)),
    "feed": (made.TREASURY_XML, lambda data: treasury.parse_xml(data, TODAY)),
    "page": (made.AAA, lambda data: gasoline.parse_aaa(data, TODAY)),
    **{name: (as_json(document), parse) for name, (document, parse) in JSON.items()},
}


def check(parse, data):
    parsed = judged(lambda: parse(data))
    if parsed is None:
        return
    places = [(one.series, one.period) for one in parsed.figures]
    assert places
    assert len(set(places)) == len(places)
    for figure in parsed.figures:
        assert figure.period <= TODAY
        assert Decimal(figure.value).is_finite()
    json.dumps([one.reason for one in parsed.left_out])
    assert all(len(one.reason) < 500 for one in parsed.left_out)


@pytest.mark.parametrize("name", JSON)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_spoiled_answer_is_read_soundly_or_refused(name, data):
    document, parse = JSON[name]
    check(parse, written(data.draw(spoiled(document))))


@pytest.mark.parametrize("name", TEXT)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_spoiled_bytes_are_read_soundly_or_refused(name, data):
    payload, parse = TEXT[name]
    check(parse, data.draw(spoiled_text(payload)))


@pytest.mark.parametrize("name", TEXT)
def test_the_unspoiled_answer_gets_through(name):
    payload, parse = TEXT[name]
    assert parse(payload).figures
