"""Every handler logs one line, emits its metrics, and passes errors on unchanged."""

from __future__ import annotations

import io
import json
import threading

import pytest

from kalshi_alpha.errors import DataError, KillSwitchOn
from kalshi_alpha.steps import observe
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.steps.runtime import Runtime, Settings


class Context:
    aws_request_id = "request-1"


@pytest.fixture
def lines():
    """Install a runtime of the stage paper; return a reader of what was written, by line."""
    before = list(runtime_module._installed)
    runtime_module.install(Runtime(Settings(stage="paper")))
    stream = io.StringIO()
    observe.send_to(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    observe.send_to(None)
    runtime_module._installed[:] = before


def test_a_handler_returns_the_steps_result_without_its_metrics(lines):
    handler = observe.observed(
        "scan", lambda request, _: {"plan": request["window_id"], "metrics": {"Candidates": 3}}
    )
    assert handler({"window_id": "w"}, Context()) == {"plan": "w"}
    log, metrics = lines()
    assert (log["level"], log["message"], log["service"]) == ("INFO", "done", "scan")
    assert (log["window_id"], log["request_id"]) == ("w", "request-1")
    assert log["counts"]["Candidates"] == 3
    assert metrics["Candidates"] == [3.0]


def test_metrics_have_one_dimension_and_the_window_as_metadata(lines):
    handler = observe.observed("cancel", lambda *_: {"metrics": {"PullLateness": -1.9}})
    handler({"window_id": "20251104-1200-index-hourly"}, None)
    metrics = lines()[1]
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "KalshiAlpha/paper"
    assert directive["Dimensions"] == [["service"]]
    assert {"Name": "PullLateness", "Unit": "Seconds"} in directive["Metrics"]
    assert {"Name": "Duration", "Unit": "Milliseconds"} in directive["Metrics"]
    assert metrics["service"] == "cancel"
    assert metrics["window_id"] == "20251104-1200-index-hourly"


def test_an_error_keeps_its_class_is_counted_and_told(lines):
    def refuse(*_):
        raise KillSwitchOn("the kill-switch is on: fed day")

    with pytest.raises(KillSwitchOn, match="fed day"):
        observe.observed("quote", refuse)({"window_id": "w"}, Context())
    log, metrics = lines()
    assert (log["level"], log["error"]) == ("ERROR", "KillSwitchOn")
    assert log["reason"] == "the kill-switch is on: fed day"
    assert metrics["Failures"] == [1.0]


def test_a_secret_in_an_error_of_somebody_else_is_not_written(lines):
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"

    def leak(*_):
        raise ValueError(f"cannot load {pem} with apiKey=abc123")

    with pytest.raises(ValueError):
        observe.observed("quote", leak)({}, Context())
    text = json.dumps(lines())
    assert "MIIEow" not in text
    assert "abc123" not in text
    assert "[redacted]" in text


def test_what_is_no_object_is_refused_with_a_sentence(lines):
    handler = observe.observed("scan", lambda *_: {})
    with pytest.raises(DataError, match="scan was called with a list; it takes a JSON object"):
        handler(["w"], Context())
    assert lines()[0]["error"] == "DataError"


def test_two_branches_at_once_do_not_mix_their_metrics(lines):
    together = threading.Barrier(2)

    def wait(value):
        def run(*_):
            together.wait(timeout=10)
            return {"metrics": {"Fills": value}}

        return run

    handlers = [observe.observed(name, wait(n)) for name, n in (("scan", 1), ("cancel", 2))]
    threads = [threading.Thread(target=h, args=({}, Context())) for h in handlers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emitted = {line["service"]: line["Fills"] for line in lines() if "Fills" in line}
    assert emitted == {"scan": [1.0], "cancel": [2.0]}


def test_without_values_nothing_is_emitted(lines):
    observe.emit("sentry", "paper", {})
    assert lines() == []


@pytest.mark.usefixtures("lines")
def test_lines_go_to_standard_output_unless_sent_elsewhere(capsys):
    observe.send_to(None)
    observe.emit("sentry", "paper", {"FeedLag": 0.2})
    assert json.loads(capsys.readouterr().out)["FeedLag"] == [0.2]
