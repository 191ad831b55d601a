"""A search space as the run declares it, and as Optuna is asked for it: define-by-run, a parameter with a condition only
where its parents have one of the values named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

Params = dict[str, Any]


class Refused(Exception):
    """What was asked cannot be: the message says what and why."""


class Space:
    def __init__(self, declared: "Mapping[str, Any]") -> None:
        self._constants = {name: one for name, one in declared.items() if not isinstance(one, dict)}
        self._distributions = {
            name: _distribution(name, one) for name, one in declared.items() if name not in self._constants
        }
        self._conditions = {name: _condition(declared[name].get("when", {})) for name in self._distributions}
        self._order = self._parents_first()
        if not self._order:
            raise Refused("the space has no parameter to vary")

    @property
    def is_conditional(self) -> bool:
        return any(self._conditions.values())

    def suggest(self, trial: Trial) -> Params:
        """In the order of their declaration, but parents before those that depend on them."""
        chosen: Params = {}
        for name in self._order:
            if self._exists(name, chosen):
                chosen[name] = _suggest(trial, name, self._distributions[name])
        return chosen

    def own(self, params: "Mapping[str, Any]") -> Params:
        """Without what is not of the space, every value of the type that it has here; refuses those out of range."""
        return {
            name: _value(name, self._distributions[name], params[name])
            for name in self._order
            if params.get(name) is not None
        }

    def missing(self, params: Params) -> "list[str]":
        """Names that a trial with these parameters lacks."""
        return [name for name in self._order if name not in params and self._exists(name, params)]

    def distributions(self, params: Params) -> "dict[str, BaseDistribution]":
        return {name: self._distributions[name] for name in params}

    def _exists(self, name: str, chosen: Params) -> bool:
        known = {**self._constants, **chosen}
        return all(
            parent in known and any(_is_same(known[parent], one) for one in values)
            for parent, values in self._conditions[name].items()
        )

    def _parents_first(self) -> "list[str]":
        order: "list[str]" = []
        left = list(self._distributions)
        while left:
            known = self._constants.keys() | set(order)
            ready = next((name for name in left if self._conditions[name].keys() <= known), None)
            if ready is None:
                wanted = ", ".join(sorted(self._conditions[left[0]].keys() - known))
                raise Refused(f'parameter "{left[0]}" depends on {wanted}, which is not in the space or depends on it')
            order.append(ready)
            left.remove(ready)
        return order


def _distribution(name: str, declared: "Mapping[str, Any]") -> BaseDistribution:
    kind = declared.get("kind")
    try:
        if kind == "categorical":
            return CategoricalDistribution(_choices(declared["values"]))
        if kind == "float":
            low, high = (_number(declared[end]) for end in ("min", "max"))
            step = None if declared.get("step") is None else _number(declared["step"])
            return FloatDistribution(low, high, log=declared.get("log") is True, step=step)
        if kind == "int":
            low, high, step = (_whole(one) for one in (declared["min"], declared["max"], declared.get("step", 1)))
            return IntDistribution(low, high, log=declared.get("log") is True, step=step)
    except (ValueError, TypeError) as error:
        raise Refused(f'parameter "{name}": {error}') from error
    except KeyError as error:
        raise Refused(f'parameter "{name}" has no {error}') from error
    raise Refused(f'parameter "{name}" is of the kind {kind!r}')


def _choices(values: "list[Any]") -> "list[Any]":
    # Optuna finds a value by Python's equality, to which 1, 1.0 and True are one.
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"{value!r} is among the values twice")
    return values


def _condition(when: "Mapping[str, Any]") -> "dict[str, list[Any]]":
    return {parent: wanted if isinstance(wanted, list) else [wanted] for parent, wanted in when.items()}


def _suggest(trial: Trial, name: str, wanted: BaseDistribution) -> Any:
    if isinstance(wanted, FloatDistribution):
        return float(trial.suggest_float(name, wanted.low, wanted.high, step=wanted.step, log=wanted.log))
    if isinstance(wanted, IntDistribution):
        return int(trial.suggest_int(name, wanted.low, wanted.high, step=wanted.step, log=wanted.log))
    assert isinstance(wanted, CategoricalDistribution)
    return trial.suggest_categorical(name, wanted.choices)


def _value(name: str, wanted: BaseDistribution, value: Any) -> Any:
    try:
        if isinstance(wanted, CategoricalDistribution):
            return next(one for one in wanted.choices if _is_same(one, value))
        number = _whole(value) if isinstance(wanted, IntDistribution) else _on_grid(wanted, _number(value))
        if wanted._contains(wanted.to_internal_repr(number)):
            return number
    except (ValueError, TypeError, StopIteration):
        pass
    raise Refused(f'parameter "{name}" cannot be {value!r}: {wanted}')


def _on_grid(wanted: FloatDistribution, value: float) -> float:
    """Three steps of 0.1 are a little more than 0.3 to who adds them up, and beyond it to Optuna."""
    if wanted.step is None or wanted._contains(value):
        return value
    steps = (value - wanted.low) / wanted.step
    nearest = min(max(wanted.low + round(steps) * wanted.step, wanted.low), wanted.high)
    return nearest if abs(steps - round(steps)) < 1e-6 and abs(value - nearest) < wanted.step / 2 else value


def _is_same(one: Any, other: Any) -> bool:
    """Numbers by value; to Python, True is 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)


def _whole(value: Any) -> int:
    if not _number(value).is_integer():
        raise ValueError(f"{value!r} is no whole number")
    return int(value)
