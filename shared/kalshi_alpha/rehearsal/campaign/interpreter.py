"""The state machine's interpreter on virtual time: its threads, its waits, its parsed text."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx
from jsonpath_ng import ext
from moto.stepfunctions.parser.asl.component.program import program
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import (
    branch_worker,
    branches_decl,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend import execution_worker

from kalshi_alpha.clock import Clock
from kalshi_alpha.cloud import services
from kalshi_alpha.pricing.parameters import load_parameters
from kalshi_alpha.rehearsal.campaign.seams import FaultyClient
from kalshi_alpha.rehearsal.campaign.threads import pools_on
from kalshi_alpha.rehearsal.machine import Handler, local_machine
from kalshi_alpha.steps import drift, laws, observe, preflight, pull
from kalshi_alpha.steps import runtime as runtime_module
from kalshi_alpha.steps import watch as watch_module
from kalshi_alpha.venues.massive.rest import MassiveReader

if TYPE_CHECKING:
    from kalshi_alpha.rehearsal.campaign.trial import Trial

# What is parsed keeps nothing of an execution: retries are counted in the execution's own heap.
_parsed = functools.lru_cache(maxsize=4)(AmazonStateLanguageParser.parse)
_path = functools.lru_cache(maxsize=256)(ext.parser.parse)
_loaded = functools.lru_cache(maxsize=64)(load_parameters)


@contextlib.contextmanager
def interpreting(
    trial: Trial, handlers: Mapping[str, Handler], client: Callable[[str], Any]
) -> Iterator[None]:
    """Run what is started in here on the trial's clock, with the trial's faults."""
    threads, cloud = trial.threads, trial.cloud
    logic: Any = execution_worker.ExecutionWorker._execution_logic  # noqa: SLF001

    def told_logic(self: Any) -> None:
        trial.began()
        try:
            logic(self)
        finally:
            trial.ended()

    @functools.cache
    def faulty(service: str) -> FaultyClient:
        return FaultyClient(cloud, service, client(service))

    race = pull._Race  # noqa: SLF001

    def race_on_clock(running: int, troubles: list[str]) -> Any:
        look: Any = threads.Event()
        return race(running, troubles, look=look)

    def feed_reader(url: str, key: str, clock: Clock) -> MassiveReader:
        return MassiveReader(url, key, clock, transport=httpx.MockTransport(trial.world.answer))

    changes: list[tuple[Any, str, Any]] = [
        (execution_worker, "Thread", threads.Thread),
        (execution_worker.ExecutionWorker, "_execution_logic", told_logic),
        (program, "threading", threads),
        (branch_worker, "threading", threads),
        (branches_decl, "threading", threads),
        (execute_state, "threading", threads),
        (execute_state, "Thread", threads.Thread),
        (AmazonStateLanguageParser, "parse", staticmethod(_parsed)),
        (json_path, "parse", _path),
        *((module, "load_parameters", _loaded) for module in (preflight, laws, drift)),
        (pull, "threading", threads),
        (pull, "_Race", race_on_clock),
        (watch_module, "MassiveReader", feed_reader),
        (observe, "current", trial.current),
        (services, "client", faulty),
        (runtime_module, "client", faulty),
    ]
    with contextlib.ExitStack() as stack:
        stack.enter_context(local_machine(handlers, trial.clock))
        stack.enter_context(pools_on(threads))
        for owner, name, changed in changes:
            original = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
            setattr(owner, name, changed)
            stack.callback(setattr, owner, name, original)
        yield
