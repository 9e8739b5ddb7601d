"""Structure-aware mutation: take a good document and spoil it in a few places.

Random bytes rarely get past the first bracket. A document of the corpus with one number turned
into a list, one key gone and one text cut short gets as far as the code that trusts it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CORPUS = Path(__file__).with_name("corpus")
_MOST = 4  # mutations a document

# What breaks decoders: other types, other alphabets, ends of ranges, and almost-right texts.
ODD_TEXTS = (
    "", " ", "NaN", "-NaN", "sNaN", "Infinity", "-inf", "1e999999", "1E-999999",
    "1e400", "0x10", "1_000", "\u0661\u0662", "0.123456789012345678901234567890123", "-0", "-1.00",
    "10000.0000", "9" * 40, "9" * 5000, "true", "2025-11-04", "2025-11-04T17:00:00",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2025-11-04T25:00:00Z",
    "2025-11-04T17:00:00.1234567890123Z", "\x00", "\ud800", "KXINXU", "[1, 2]", "//a/b", "http://[",
)  # fmt: skip
ODD_NUMBERS = (
    0, -1, 1, 2, 10**9, 10**13, 10**18, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e308, -1e308, 1e-320,
    float("nan"), float("inf"),
)  # fmt: skip
ODD_SHAPES: tuple[Any, ...] = (None, True, False, [], {}, [[]], [{}], {"a": 1}, [None], [1, 2, 3])

odd = st.one_of(
    st.sampled_from(ODD_TEXTS),
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_SHAPES),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
)


def corpus(name: str) -> list[Any]:
    """Return the documents of a JSON file of the corpus."""
    documents = json.loads((CORPUS / name).read_text(encoding="utf-8"))
    assert isinstance(documents, list)
    return documents


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """Return ``document`` with up to four places of it changed; sometimes it is left whole."""
    tree = [copy.deepcopy(document)]
    for _ in range(draw(st.integers(0, _MOST))):
        holder, key = draw(st.sampled_from(list(_places(tree))))
        _spoil(draw, holder, key)
        if not tree:
            return None
    return tree[0]


def spoiled_bytes(name: str) -> st.SearchStrategy[bytes]:
    """Return a strategy of the JSON of one of the corpus's documents, spoiled, or of its bytes."""
    documents = st.sampled_from(corpus(name))
    return st.one_of(
        documents.flatmap(spoiled).map(written),
        documents.flatmap(spoiled).map(written),
        documents.map(written).flatmap(spoiled_text),
    )


def written(tree: Any) -> bytes:
    """Write JSON as a careless server might: with NaN, and with lone surrogates escaped."""
    return json.dumps(tree).encode()


@st.composite
def spoiled_text(draw: st.DrawFn, data: bytes) -> bytes:
    """Return bytes with a stretch of them dropped, doubled, replaced or buried in brackets."""
    for _ in range(draw(st.integers(1, _MOST))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        middle = draw(
            st.one_of(
                st.just(b""),
                st.just(data[start:end] * 2),
                st.binary(max_size=8),
                st.sampled_from((b"[" * 3000, b'{"a":' * 3000, b"9" * 5000, b"\xff", b"\x00")),
            )
        )
        data = data[:start] + middle + data[end:]
    return data


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every (container, key) below ``tree``."""
    items = enumerate(tree) if isinstance(tree, list) else tree.items()
    for key, inner in list(items):
        yield tree, key
        if isinstance(inner, list | dict):
            yield from _places(inner)


def _spoil(draw: st.DrawFn, holder: Any, key: Any) -> None:
    kind = draw(st.sampled_from(("replace", "replace", "drop", "double", "nudge", "wrap")))
    value = holder[key]
    if kind == "replace":
        holder[key] = copy.deepcopy(draw(odd))  # it may be spoiled in its turn
    elif kind == "drop":
        del holder[key]
    elif kind == "wrap":
        holder[key] = draw(st.sampled_from(([value], {"a": value}, f"<{value}>")))
    elif kind == "double":
        _double(draw, holder, key)
    else:
        holder[key] = _nudged(draw, value)


def _double(draw: st.DrawFn, holder: Any, key: Any) -> None:
    if isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[draw(st.text(max_size=5))] = copy.deepcopy(holder[key])


def _nudged(draw: st.DrawFn, value: Any) -> Any:
    """Change a little: the value keeps its type, and is wrong all the same."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * draw(st.sampled_from((-1, 0, 1, 10, 1000, 1e6))) + draw(st.integers(-2, 2))
    if isinstance(value, str) and value:
        at = draw(st.integers(0, len(value) - 1))
        return (
            value[:at]
            + draw(st.sampled_from(("", "9", "-", ".", "e", "T", "\u0663")))
            + value[at + 1 :]
        )
    if isinstance(value, list) and value:
        return value[::-1]
    return copy.deepcopy(draw(odd))
