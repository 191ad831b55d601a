"""Optuna's peer of bench/search: two processes that share a study by a journal file.

    python optuna_search.py <work folder> <work as JSON>
Both have imported everything and have the data before the clock starts. The last line is a JSON object.
"""

import json
import multiprocessing
import pathlib
import sys
import time

import optuna
from forest import digits_table, trained
from forest_space import suggested
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

processes = 2


def main(folder: pathlib.Path, work: dict) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = str(folder / "journal.log")
    study = optuna.create_study(study_name="forest", storage=storage(file), direction="maximize")
    for params in work.get("list") or []:
        study.enqueue_trial(params)
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(processes + 1)
    workers = [context.Process(target=optimize, args=(file, work, number, begin)) for number in range(processes)]
    for worker in workers:
        worker.start()
    begin.wait()
    at = time.perf_counter()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - at
    trials = study.get_trials(states=[TrialState.COMPLETE])
    trainings = [{"accuracy": trial.value, **trial.user_attrs} for trial in trials]
    print(json.dumps({"seconds": seconds, "trainings": trainings}), flush=True)


def storage(file: str) -> JournalStorage:
    return JournalStorage(JournalFileBackend(file))


def optimize(file: str, work: dict, number: int, begin) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = digits_table()
    trained({"n_estimators": 20, "max_depth": 4, "max_features": 0.1, "min_samples_leaf": 1}, table)
    seed = work["seed"] + number
    given = "list" in work
    sampler = optuna.samplers.RandomSampler(seed=seed) if given else optuna.samplers.TPESampler(seed=seed)
    study = optuna.load_study(study_name="forest", storage=storage(file), sampler=sampler)

    def objective(trial: optuna.Trial) -> float:
        training = trained(suggested(trial), table)
        trial.set_user_attr("began", training["began"])
        trial.set_user_attr("seconds", training["seconds"])
        return training["accuracy"]

    begin.wait()
    # Those at work count, so that neither begins one too many.
    enough = MaxTrialsCallback(work["trials"], states=(TrialState.COMPLETE, TrialState.RUNNING))
    study.optimize(objective, n_trials=work["trials"], callbacks=[enough])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]))
