"""What a training may be told that does not change its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from maquette.callbacks.time_budget import TimeBudget
from maquette.errors import UserError


@dataclass(frozen=True)
class FitOptions:
    """How to fit, as far as it does not change the outcome.

    Args:
        save_minutes: Minutes between two states within an epoch. Defaults to 5.
        max_minutes: Time for all stages; `None` for any.
        steps_per_execution: Training steps in one call of the compiled function, at most. `None`
            for as many as pay, by the time that the first epoch takes.
    """

    save_minutes: float = 5.0
    max_minutes: float | None = None
    steps_per_execution: int | None = None

    @cached_property
    def budget(self) -> list[TimeBudget]:
        """What ends the training in time, in one piece for all that has these options."""
        return [] if self.max_minutes is None else [TimeBudget(self.max_minutes)]

    def __post_init__(self):
        steps = self.steps_per_execution
        if steps is not None and steps < 1:
            raise UserError(f"steps_per_execution must be 1 or more; received {steps}")
