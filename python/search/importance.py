"""How much each parameter had to do with how the first objective varied."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial
from space import Params, Refused, Space

# fANOVA takes 1.4 s for 200 trials, 6 s for 500, and more than in proportion for more.
_MOST_TRIALS = 200


def importance(request: "Mapping[str, Any]") -> "dict[str, float] | None":
    """Functional ANOVA of a random forest (Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing
    Hyperparameter Importance", ICML 2014); of more than 200 trials, of 200 spread over them. It leaves out parameters
    that not all trials have: in a conditional space PED-ANOVA instead (Watanabe, Bansal and Hutter, IJCAI 2023,
    arXiv:2304.10255), which rates how much a parameter sets the best tenth apart."""
    space = Space(request["space"])
    trials = list(_inside(request["trials"], space))
    if not trials:
        return None
    every = 1 if space.is_conditional else -(-len(trials) // _MOST_TRIALS)
    study = optuna.create_study(direction=request["direction"])
    for params, value in trials[::every]:
        distributions = space.distributions(params)
        study.add_trial(create_trial(state=TrialState.COMPLETE, params=params, distributions=distributions, value=value))
    flat = FanovaImportanceEvaluator(seed=request["seed"] % 2**32)
    evaluator = PedAnovaImportanceEvaluator() if space.is_conditional else flat
    shares = {name: float(share) for name, share in get_param_importances(study, evaluator=evaluator).items()}
    return shares if all(math.isfinite(share) for share in shares.values()) else None


def _inside(trials: "Iterable[Mapping[str, Any]]", space: Space) -> "Iterator[tuple[Params, float]]":
    """Without those that a scheduler sent beyond the space."""
    for one in trials:
        with contextlib.suppress(Refused):
            params = space.own(one["params"])
            if not space.missing(params):
                yield params, float(one["value"])
