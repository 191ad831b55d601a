"""Studies by Optuna itself, as its manual has them: what the suggestions of `search` must equal. One trial after the other,
or several at once in virtual time.

In: a JSON array of cases on standard input. Out: for each case the array of its trials, ``{"params", "told"}``.
"""

import functools
import heapq
import json
import math
import sys
import warnings

import optuna


def branin(x):
    """Dixon and Szego 1978; here on [0, 1]^2 stretched to [-5, 10] x [0, 15]."""
    a, b = x[0] * 15 - 5, x[1] * 15
    bowl = b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6
    return bowl**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10


def hartmann6(x):
    """Hartmann 1973, on [0, 1]^6."""
    weights = [1.0, 1.2, 3.0, 3.2]
    scales = [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
    places = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ]
    return -sum(
        weight * math.exp(-sum(s * (v - p) ** 2 for s, v, p in zip(scale, x, place)))
        for weight, scale, place in zip(weights, scales, places)
    )


@functools.cache
def diabetes():
    """Imported where it is needed: it takes a second."""
    from sklearn.datasets import load_diabetes
    from sklearn.model_selection import KFold

    features, target = load_diabetes(return_X_y=True)
    return features / features.std(axis=0), target, KFold(3, shuffle=True, random_state=0)


def suggest_svr(trial):
    """Cross-validated error of a support-vector regression on the 442 diabetes patients of Efron et al. 2004."""
    from sklearn.model_selection import cross_val_score
    from sklearn.svm import SVR

    features, target, folds = diabetes()
    model = SVR(
        C=trial.suggest_float("C", 0.1, 1000, log=True),
        gamma=trial.suggest_float("gamma", 1e-4, 1, log=True),
        epsilon=trial.suggest_float("epsilon", 0.1, 50, log=True),
    )
    scores = cross_val_score(model, features, target, cv=folds, scoring="neg_root_mean_squared_error")
    return [float(-scores.mean())]


def suggest_branin(trial):
    return [branin([trial.suggest_float("a", 0, 1), trial.suggest_float("b", 0, 1)])]


def suggest_hartmann6(trial):
    return [hartmann6([trial.suggest_float(name, 0, 1) for name in "uvwxyz"])]


def suggest_tree(trial):
    """Every kind of parameter, and two branches of which one has a branch of its own."""
    rate = trial.suggest_float("rate", 1e-4, 1, log=True)
    share = trial.suggest_float("share", 0, 1, step=0.125)
    model = trial.suggest_categorical("model", ["forest", "net", 3, True])
    cost = (math.log10(rate) + 2) ** 2 + share
    if model == "forest":
        cost += trial.suggest_int("depth", 1, 64, log=True) / 10
    elif model == "net":
        layers = trial.suggest_int("layers", 1, 9, step=2)
        cost += layers / 5
        if layers in (3, 5):
            cost -= trial.suggest_float("dropout", 0, 0.9)
    return [cost]


def suggest_flowers(trial):
    """The space of test/fixtures/durability/studies.ts; the values are the run's."""
    trial.suggest_float("rate", 1e-4, 1, log=True)
    trial.suggest_float("decay", 1e-6, 1e-1, log=True)
    return []


def suggest_two(trial):
    x = [trial.suggest_float("a", 0, 1), trial.suggest_float("b", 0, 1)]
    return [branin(x), x[0] + x[1]]


FUNCTIONS = {
    "branin": suggest_branin,
    "flowers": suggest_flowers,
    "hartmann6": suggest_hartmann6,
    "svr": suggest_svr,
    "tree": suggest_tree,
    "two": suggest_two,
}


def sampler_of(name, seed):
    samplers = optuna.samplers
    if name == "tpe":
        return samplers.TPESampler(seed=seed)
    if name == "tpe-startup-4":
        return samplers.TPESampler(seed=seed, n_startup_trials=4)
    if name == "tpe-one-by-one":
        return samplers.TPESampler(seed=seed, multivariate=False, n_startup_trials=5, constant_liar=False)
    if name == "tpe-multivariate":
        return samplers.TPESampler(seed=seed, multivariate=True)
    if name == "tpe-groups":
        return samplers.TPESampler(seed=seed, multivariate=True, group=True)
    if name == "cma-es":
        return samplers.CmaEsSampler(seed=seed)
    if name == "gp":
        return samplers.GPSampler(seed=seed)
    assert name == "nsga2"
    return samplers.NSGAIISampler(seed=seed, population_size=8)


def run_parallel(case):
    """As an event loop does it: at most so many trials at work, one ask after the other, each for all slots that are free
    when it begins, with what was told until then; trials begin when it is over."""
    function, times = FUNCTIONS[case["function"]], case["parallel"]
    study = optuna.create_study(sampler=sampler_of(case["sampler"], case["seed"]), directions=case["directions"])
    asks = iter(times["asks"])
    trials, at_work, asked, answered_at = [], [], [], math.inf
    now, free = 0.0, times["atMost"]
    while len(trials) < case["trials"] or at_work or asked:
        batch = min(free, case["trials"] - len(trials))
        if not asked and batch > 0:
            answered_at = now + next(asks)
            for _ in range(batch):
                trial = study.ask()
                values = function(trial)
                trials.append({"params": trial.params, "told": {"state": "complete", "values": values}})
                asked.append((trial, values))
            free -= batch
        if asked and (not at_work or answered_at <= at_work[0][0]):
            now = answered_at
            for trial, values in asked:
                heapq.heappush(at_work, (now + times["durations"][trial.number], trial.number, values))
            asked = []
        else:
            now, number, values = heapq.heappop(at_work)
            study.tell(number, values)
            free += 1
    return trials


def run(case):
    if "parallel" in case:
        return run_parallel(case)
    function = FUNCTIONS[case["function"]]
    directions = case["directions"]
    study = optuna.create_study(sampler=sampler_of(case["sampler"], case["seed"]), directions=directions)
    trials = []
    for number in range(case["trials"]):
        if str(number) in case.get("given", {}):
            study.enqueue_trial(case["given"][str(number)])
        trial = study.ask()
        values = function(trial)
        if "values" in case:
            values = [case["values"][number]]
        if number in case.get("failed", []):
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            told = {"state": "failed"}
        elif number in case.get("pruned", []):
            budget = number % 3 + 1
            if len(directions) == 1:  # of several objectives Optuna takes no reports
                trial.report(values[0], budget)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            told = {"state": "pruned", "budget": budget, "value": values[0]}
        else:
            study.tell(trial, values)
            told = {"state": "complete", "values": values}
        trials.append({"params": trial.params, "told": told})
    return trials


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
