"""Optuna's samplers by the names that a run gives them. What it leaves out is as Optuna has it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import optuna
from space import Refused, Space

_LARGEST_SEED = 2**32 - 1


def check_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= _LARGEST_SEED:
        raise Refused(f"the seed is {seed!r}, which is no whole number from 0 to {_LARGEST_SEED}")
    return seed


def sampler_of(options: "Mapping[str, Any]", seed: int, objectives: int, space: Space) -> optuna.samplers.BaseSampler:
    kind = options.get("kind")
    if kind == "tpe":
        return _tpe(options, seed, space)
    if kind == "nsga2":
        population = options.get("population")
        if population is None:
            return optuna.samplers.NSGAIISampler(seed=seed)
        return optuna.samplers.NSGAIISampler(seed=seed, population_size=_count("population", population, 2))
    if kind == "cma-es":
        if objectives > 1:
            raise Refused(f"cma-es is for one objective, and there are {objectives}")
        importlib.import_module("cmaes")
        return optuna.samplers.CmaEsSampler(seed=seed)
    if kind == "gp":
        # Optuna imports them when it first needs them, trials later.
        for module in ("scipy", "torch"):
            importlib.import_module(module)
        return optuna.samplers.GPSampler(seed=seed)
    raise Refused(f"there is no sampler {kind!r}")


def _tpe(options: "Mapping[str, Any]", seed: int, space: Space) -> optuna.samplers.TPESampler:
    given: "dict[str, Any]" = {}
    if options.get("startup") is not None:
        given["n_startup_trials"] = _count("startup", options["startup"], 0)
    if options.get("constantLiar") is not None:
        given["constant_liar"] = options["constantLiar"] is True
    if options.get("multivariate") is not None:
        given["multivariate"] = options["multivariate"] is True
        # Without groups, parameters that not all trials have would be sampled one by one.
        given["group"] = given["multivariate"] and space.is_conditional
    return optuna.samplers.TPESampler(seed=seed, **given)


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise Refused(f"{name} is {value!r}, which is no whole number from {least}")
    return value
