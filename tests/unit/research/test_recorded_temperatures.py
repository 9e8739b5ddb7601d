"""The shipped temperature days are what the recording says, byte for byte."""

from __future__ import annotations

import hashlib
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.temperature.recorded_days import (
    DAYS,
    event_name,
    events_json,
    main,
    trades_csv,
)
from tests.conftest import ROOT

SHIPPED = ROOT / "shared/kalshi_alpha/rehearsal/data/temperature"


def test_the_readme_names_every_file_with_its_checksum():
    text = (SHIPPED / "README.md").read_text()
    named = dict(re.findall(r"\| ([\w.-]+) \| [^|]+ \| `([0-9a-f]{64})` \|", text))
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in SHIPPED.iterdir()
        if file.suffix != ".md"
    }
    assert named == found
    assert "cpratim/Kalshi-Weather-Trading" in (ROOT / "NOTICE.md").read_text()


@pytest.mark.shared_data
def test_the_recording_makes_the_same_bytes_again(shared_data, tmp_path):
    assert main(["--data", str(shared_data), "--out", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 3
    for file in tmp_path.iterdir():
        assert (SHIPPED / file.name).read_bytes() == file.read_bytes()


def test_a_recording_without_the_day_is_refused(tmp_path):
    columns = {
        "event_day": pa.array([], pa.date32()),
        "ts_utc": pa.array([], pa.timestamp("us", "UTC")),
        "ticker": pa.array([], pa.string()),
    }
    file = tmp_path / "trades.parquet"
    pq.write_table(pa.table(columns), file)
    with pytest.raises(DataError, match="holds no trade of 2024-12-03"):
        trades_csv(file, DAYS[1])


def test_an_event_is_named_as_the_venue_names_it():
    assert event_name(DAYS[0]) == "KXHIGHNY-24NOV21"


@pytest.mark.shared_data
def test_a_day_before_which_nothing_was_paid_has_no_past(shared_data):
    text = events_json(shared_data / "kalshi_high" / "markets.parquet", DAYS)
    assert text.count('"past": {') == 2
