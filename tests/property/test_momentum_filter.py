"""Whatever comes in, what is believed of the brackets is one distribution; no clock breaks it."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.momentum.filter import BracketFilter, FilterTerms, softmax

COUNT = 6
prices = st.one_of(st.sampled_from((0.0, 0.005, 0.5, 0.995, 1.0)), st.floats(0.0, 1.0))
deviations = st.floats(1e-6, 0.5)
laws = st.lists(st.floats(0.0, 1.0), min_size=COUNT, max_size=COUNT).map(
    lambda weights: [(w + 1e-9) / (sum(weights) + COUNT * 1e-9) for w in weights]
)
all_terms = st.builds(
    FilterTerms,
    wander=st.floats(1e-9, 1e-1),
    start=st.floats(1e-3, 10.0),
    law_ageing=st.sampled_from((0.0, 1e-5)),
    news=st.sampled_from((0.0, 0.3)),
    sharpness=st.floats(0.3, 2.0),
)
events = st.one_of(
    st.tuples(st.just("see"), st.integers(0, COUNT - 1), prices, deviations),
    st.tuples(
        st.just("look"),
        st.lists(st.none() | prices, min_size=COUNT, max_size=COUNT),
        st.lists(deviations, min_size=COUNT, max_size=COUNT),
    ),
    st.tuples(st.just("lean"), laws, st.floats(1e-3, 10.0)),
    st.tuples(st.just("advance")),
)
# Steps back are a clock that is behind; the long ones are gaps of hours and days.
steps = st.one_of(st.floats(-60.0, 600.0), st.sampled_from((0.0, 7200.0, 2e5)))
streams = st.lists(st.tuples(steps, events), max_size=30)


def play(found: BracketFilter, stream, at: float = 0.0):
    for step, (name, *said) in stream:
        at += step
        getattr(found, name)(at, *said)
        yield found.probabilities()


def entropy(probabilities) -> float:
    return -sum(p * math.log(p) for p in probabilities if p > 0.0)


@given(all_terms, streams)
def test_probabilities_sum_to_one_after_every_event(terms, stream):
    found = BracketFilter(COUNT, terms, 0.0)
    for probabilities in play(found, stream):
        assert abs(math.fsum(probabilities) - 1.0) < 1e-12
        assert all(0.0 < p < 1.0 for p in probabilities)
        assert all(0.0 <= v < math.inf for v in found.variances)


@given(all_terms, streams, st.data())
def test_a_restart_at_any_event_changes_nothing(terms, stream, data):
    cut = data.draw(st.integers(0, len(stream)))
    whole, first = BracketFilter(COUNT, terms, 0.0), BracketFilter(COUNT, terms, 0.0)
    unbroken = list(play(whole, stream))
    broken = list(play(first, stream[:cut]))
    again = BracketFilter.from_json(json.loads(json.dumps(first.to_json())), terms)
    broken += play(again, stream[cut:], sum(step for step, _ in stream[:cut]))

    assert again.late == whole.late
    for one, other in zip(unbroken, broken, strict=True):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) < 1e-9


@given(all_terms, streams, st.permutations(range(COUNT)))
def test_no_bracket_is_another_than_the_rest(terms, stream, order):
    def shuffled(event):
        name, *said = event
        if name == "see":
            return (name, order.index(said[0]), *said[1:])
        return (name, *([s[k] for k in order] if isinstance(s, list) else s for s in said))

    plain, other = BracketFilter(COUNT, terms, 0.0), BracketFilter(COUNT, terms, 0.0)
    stream_ = [(step, shuffled(event)) for step, event in stream]
    for one, two in zip(play(plain, stream), play(other, stream_), strict=True):
        assert max(abs(one[k] - two[j]) for j, k in enumerate(order)) < 1e-6


@given(all_terms, st.floats(0.1, 5000.0), st.floats(0.1, 5000.0), prices)
def test_two_silences_are_one(terms, first, second, mid):
    def after(*times):
        found = BracketFilter(COUNT, FilterTerms(terms.wander, terms.start), 0.0)
        found.lean(0.0, [1 / COUNT] * COUNT, 0.5)
        found.see(0.0, 2, mid, 0.01)
        for at in times:
            found.advance(at)
        return [*found.variances, *softmax(found.scores)]

    apart, once = after(first, first + second), after(first + second)
    assert max(abs(a - b) for a, b in zip(apart, once, strict=True)) < 1e-9


@given(all_terms, streams, st.floats(1.0, 1e6))
def test_silence_without_a_law_never_makes_surer(terms, stream, silence):
    found = BracketFilter(COUNT, terms, 0.0)
    list(play(found, [(step, event) for step, event in stream if event[0] != "lean"]))
    before, held = entropy(found.probabilities()), found.variances
    found.advance(found.at + silence)

    assert entropy(found.probabilities()) >= before - 1e-12
    assert all(new > old for new, old in zip(found.variances, held, strict=True))


@given(prices, deviations, st.integers(0, COUNT - 1), laws)
def test_a_price_moves_its_bracket_towards_itself(mid, sd, place, law):
    found = BracketFilter(COUNT, FilterTerms(1e-6, 1.0), 0.0)
    found.lean(0.0, law, 0.5)
    before = softmax(found.scores)[place]
    found.see(0.0, place, mid, sd)
    after = softmax(found.scores)[place]

    towards = min(max(mid, 0.005), 0.995) - before
    assert (after - before) * towards >= -1e-15
