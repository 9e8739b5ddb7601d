"""Every parser of bytes from outside: a sound value or an error of ours, never anything else.

``FUZZ_EXAMPLES`` looks longer than a test run has time for; ``tests/fuzz/guided.py`` longer still.
"""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import (
    feed_targets,
    file_targets,
    handler_targets,
    recorded_targets,
    venue_targets,
)
from tests.fuzz.mutating import (
    corpus,
    odd,
    spoiled,
    spoiled_bytes,
    spoiled_text,
    written,
)

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
JSON_TARGETS = {
    f"{room}-{name}": target
    for room, found in (
        ("venue", venue_targets.TARGETS),
        ("feed", feed_targets.TARGETS),
        ("handler", handler_targets.TARGETS),
        ("recorded", recorded_targets.TARGETS),
    )
    for name, target in found.items()
}


@pytest.mark.parametrize("name", JSON_TARGETS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_json_from_outside_is_read_soundly_or_refused(name, data):
    file, check = JSON_TARGETS[name]
    check(data.draw(spoiled_bytes(file)))


FILE_TARGETS = {**file_targets.TARGETS, **recorded_targets.FILES}


@pytest.mark.parametrize("name", FILE_TARGETS)
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_file_from_outside_is_read_soundly_or_refused(name, data):
    good, check = FILE_TARGETS[name]
    check(data.draw(spoiled_text(good())))


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_parameters_whose_checksum_fits_are_held_to_their_domains(data):
    document = json.loads(file_targets.good_parameters())
    file_targets.signed_parameters(written(data.draw(spoiled(document))))


@settings(max_examples=EXAMPLES)
@given(value=odd)
def test_an_event_that_is_no_object_is_refused_by_every_handler(value):
    handler_targets.called(written(value))


@settings(max_examples=EXAMPLES * 2)
@given(data=st.data())
def test_a_ticker_is_printed_back_or_refused(data):
    text = data.draw(st.sampled_from(corpus("tickers.json")))
    file_targets.tickers(data.draw(spoiled_text(text.encode())))


@pytest.mark.parametrize("name", JSON_TARGETS)
def test_the_corpus_itself_gets_through(name):
    file, check = JSON_TARGETS[name]
    for document in corpus(file):
        check(written(document))
