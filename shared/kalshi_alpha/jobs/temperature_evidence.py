"""What the evening keeps of the temperature ladders: graded climate days, and their readiness."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

from kalshi_alpha.jobs.momentum_tables import DAYS_BACK
from kalshi_alpha.research.appraisal import Operations
from kalshi_alpha.research.temperature.readiness import appraise_record
from kalshi_alpha.research.temperature.record import grade_key, of_stage
from kalshi_alpha.steps.runtime import Runtime


def keep(runtime: Runtime, today: date) -> dict[str, Any]:
    """Keep the grades of the last settled days and ``readiness/temperature-<day>.json``.

    Safe to repeat. It takes nothing away and promotes nothing: whoever reads it does.

    Returns:
        the verdict, empty before any climate day has left something, and the days it rests on.

    Raises:
        DataError, StoreError: when what a day left cannot be read, or nothing can be written.
    """
    store, now = runtime.artifacts, runtime.clock.now()
    record = of_stage(store, runtime.settings.cities)
    fresh = {today - timedelta(days=back) for back in range(1, DAYS_BACK + 1)}
    days = record.graded(again=fresh)
    if not days:
        return {"verdict": "", "days": 0}
    for one in days:
        if one.day in fresh and one.settled:
            store.write(grade_key(one.day), one.to_bytes())
    switch = runtime.state.kill_switch()
    found = appraise_record(
        record,
        now,
        today=today,
        standing=runtime.standing,
        operations=Operations(switch.on, switch.reason),
        days=days,
    )
    text = json.dumps(found.to_json(), indent=1, sort_keys=True, allow_nan=False) + "\n"
    store.write(f"readiness/temperature-{today.isoformat()}.json", text.encode())
    return {"verdict": found.verdict, "days": found.days}
