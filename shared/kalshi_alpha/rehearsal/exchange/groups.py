"""Order groups: past a limit filled in a rolling 15 s they cancel their orders and refuse more."""

from __future__ import annotations

from datetime import datetime, timedelta

from kalshi_alpha.rehearsal.exchange.floor import Rejected
from kalshi_alpha.rehearsal.exchange.lifecycle import Lifecycle
from kalshi_alpha.rehearsal.exchange.model import Group, Order

GROUP_WINDOW = timedelta(seconds=15)


class Groups(Lifecycle):
    """The floor with order groups."""

    def __post_init__(self) -> None:
        """Start with no group."""
        super().__post_init__()
        self._groups: dict[str, Group] = {}

    def create_group(self, account_id: str, limit: int) -> Group:
        """Open an order group with a limit in 1/100 contract."""
        self.advance()
        group = Group(self._new_id(), account_id, limit)
        self.accounts[account_id].groups[group.group_id] = group
        self._groups[group.group_id] = group
        self._tell("group", group=group, event="created")
        return group

    def group(self, account_id: str, group_id: str) -> Group:
        """Return a group of an account; ``Rejected`` 404 otherwise."""
        found = self.accounts[account_id].groups.get(group_id)
        if found is None:
            raise Rejected(404, "not_found", "there is no such order group")
        return found

    def group_orders(self, group: Group) -> list[Order]:
        """Return the group's resting orders."""
        return [o for o in self.resting(group.account) if o.group_id == group.group_id]

    def trigger_group(self, group: Group) -> None:
        """Cancel a group's orders and refuse new ones until it is reset."""
        self._trigger(group, self.advance())

    def reset_group(self, group: Group) -> None:
        """Let a triggered group take orders again."""
        self.advance()
        group.triggered = False
        group.recent.clear()
        self._tell("group", group=group, event="reset")

    def limit_group(self, group: Group, limit: int) -> None:
        """Change a group's limit; one below what the window has seen triggers it."""
        now = self.advance()
        group.limit = limit
        self._tell("group", group=group, event="limit_updated")
        if not group.triggered and _rolled(group, now) > limit:
            self._trigger(group, now)

    def delete_group(self, group: Group) -> None:
        """Remove a group and cancel its orders."""
        now = self.advance()
        self._take_out_all(self.group_orders(group), "Canceled", now)
        del self.accounts[group.account].groups[group.group_id]
        del self._groups[group.group_id]
        self._tell("group", group=group, event="deleted")

    def _trigger(self, group: Group, at: datetime) -> None:
        group.triggered = True
        self._take_out_all(self.group_orders(group), "Canceled", at)
        self._tell("group", group=group, event="triggered")

    def _count_fill(self, order: Order, size: int, at: datetime) -> None:
        group = self._groups.get(order.group_id)
        if group is not None:
            group.recent.append((at, size))

    def _check_groups(self, at: datetime) -> None:
        """Trigger every group that has filled past its limit."""
        for group in list(self._groups.values()):
            if not group.triggered and _rolled(group, at) > group.limit:
                self._trigger(group, at)


def _rolled(group: Group, now: datetime) -> int:
    while group.recent and group.recent[0][0] <= now - GROUP_WINDOW:
        group.recent.popleft()
    return sum(size for _, size in group.recent)
