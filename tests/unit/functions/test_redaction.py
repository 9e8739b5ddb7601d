"""What is about to be written down carries no secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.steps.redaction import REDACTED, redact


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer [redacted]"),
        ("GET /v2?apiKey=s3cret&limit=5", "GET /v2?apiKey=[redacted]&limit=5"),
        ("KALSHI-ACCESS-SIGNATURE: Zm9v tail", "KALSHI-ACCESS-SIGNATURE: [redacted] tail"),
        (
            "a -----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY----- b",
            "a [redacted] b",
        ),
        ("cut off: -----BEGIN EC PRIVATE KEY-----\nAAA", "cut off: [redacted]"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_in_a_text_are_replaced(text, safe):
    assert redact(text) == safe


def test_a_value_is_replaced_for_its_name_at_any_depth():
    assert redact({"a": [{"pem": "x", "key_id": "k"}], "api_key": 5, "n": 1}) == {
        "a": [{"pem": REDACTED, "key_id": "k"}],
        "api_key": REDACTED,
        "n": 1,
    }


def test_bytes_are_never_written():
    assert redact({"body": b"\x00"}) == {"body": REDACTED}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("abc 123"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("xyz"), inner),
    )
)
def test_what_holds_no_secret_comes_back_equal(value):
    assert redact(value) == value
