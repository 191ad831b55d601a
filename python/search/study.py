"""One study in Optuna, and the log of what happened in it, in order: what the sampler draws next follows from its seed
and this log alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
import optuna
from optuna.trial import Trial, TrialState, create_trial
from samplers import check_seed, sampler_of
from space import Params, Refused, Space

Event = dict[str, Any]


class Diverged(Exception):
    """Optuna suggests something else than it did when the study was recorded."""

    def __init__(self, trial: int, recorded: Params, suggested: Params) -> None:
        super().__init__(f"trial {trial} has {recorded}, and Optuna {optuna.__version__} suggests {suggested}")


class Study:
    """``recorded``: asks of the log get the parameters that were recorded, whatever the sampler says. So that what
    follows depends on the log alone then too, each ask has a sampler with a seed derived from its place in it."""

    def __init__(self, header: "Mapping[str, Any]", *, recorded: bool = False) -> None:
        self.header = header
        self.log: "list[Event]" = []
        self.is_recorded = recorded
        self._space = Space(header["space"])
        self._objectives = header["objectives"]
        self._running: "dict[int, Trial]" = {}
        self._seed = check_seed(header["seed"])
        directions = [one["direction"] for one in self._objectives]
        if not directions or any(one not in ("maximize", "minimize") for one in directions):
            raise Refused(f"the objectives have the directions {directions}; each is maximize or minimize")
        self._study = optuna.create_study(sampler=self._sampler(self._seed), directions=directions)

    def ask(self, number: int) -> Params:
        self._derive_seed()
        params = self._begin(number)
        self.log.append({"event": "asked", "trial": number, "params": params})
        return params

    def replay(self, event: Event) -> None:
        """Does again what a run has recorded. The log has the event as it was told."""
        if event["event"] in ("asked", "given"):
            self._derive_seed()
        getattr(self, f"_{event['event']}")(event)
        self.log.append(event)

    def normal(self, event: "Mapping[str, Any]") -> Event:
        """With the fields that count, and parameters of the space only."""
        kind = event["event"]
        if kind not in ("asked", "given", "added", "told"):
            raise Refused(f"there is no event {kind!r}")
        fields = ("trial",) if kind in ("asked", "given") else ("trial", "state", "values", "budget", "value")
        normal = {"event": kind, **{name: event[name] for name in fields if name in event}}
        return normal if kind == "told" else {**normal, "params": self._space.own(event["params"])}

    def _asked(self, event: Event) -> None:
        number, params = event["trial"], event["params"]
        if self.is_recorded:
            self._study.enqueue_trial(params)
        suggested = self._begin(number)
        if suggested != params:
            raise Diverged(number, params, suggested)

    def _given(self, event: Event) -> None:
        number, params = event["trial"], event["params"]
        missing = self._space.missing(params)
        if missing:
            raise Refused(f"trial {number} was given {params}, without {', '.join(missing)}")
        self._study.enqueue_trial(params)
        self._begin(number)

    def _begin(self, number: int) -> Params:
        if number in self._running:
            raise Refused(f"trial {number} was asked for twice")
        trial = self._study.ask()
        if self.is_recorded:
            # Optuna has its sampler draw where a value is needed, of an enqueued trial not at all: then CMA-ES, for one,
            # would not count it among a generation.
            _ = trial.relative_params
        params = self._space.suggest(trial)
        self._running[number] = trial
        return params

    def _told(self, event: Event) -> None:
        trial = self._running.pop(event["trial"], None)
        if trial is None:
            raise Refused(f"trial {event['trial']} was told, which is not running")
        state, values, intermediate = self._outcome(event)
        for budget, value in intermediate.items():
            trial.report(value, budget)
        self._study.tell(trial, values=values if state == TrialState.COMPLETE else None, state=state)

    def _added(self, event: Event) -> None:
        state, values, intermediate = self._outcome(event)
        params = event["params"]
        distributions = self._space.distributions(params)
        self._study.add_trial(
            create_trial(
                state=state, params=params, distributions=distributions, values=values, intermediate_values=intermediate
            )
        )

    def _outcome(self, event: Event) -> "tuple[TrialState, list[float] | None, dict[int, float]]":
        """State, values and what it reported at which budget."""
        if event["state"] == "failed":
            return TrialState.FAIL, None, {}
        if event["state"] == "complete":
            values = event["values"]
            if len(values) != len(self._objectives):
                raise Refused(f"{values} was told of {len(self._objectives)} objectives")
            return TrialState.COMPLETE, [_finite(one) for one in values], {}
        if event["state"] != "pruned":
            raise Refused(f"there is no state {event['state']!r}")
        # Of several objectives Optuna takes no reports.
        if len(self._objectives) > 1:
            return TrialState.PRUNED, None, {}
        value = _finite(event["value"])
        return TrialState.PRUNED, [value], {int(event["budget"]): value}

    def _derive_seed(self) -> None:
        if self.is_recorded:
            derived = numpy.random.SeedSequence([self._seed, len(self.log)]).generate_state(1)[0]
            self._study.sampler = self._sampler(int(derived))

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        return sampler_of(self.header["sampler"], seed, len(self._objectives), self._space)


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not numpy.isfinite(value):
        raise Refused(f"{value!r} was told of a trial, which is no finite number")
    return float(value)
