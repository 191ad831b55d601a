"""Ray Tune's peer of bench/search: two trials at a time on two CPUs of a local Ray.

    python ray_search.py <work folder> <work as JSON>
Set for haste: actors are reused, of the results only JSON is written, no dashboard. Ray has
started before the clock does; Tune starts its actors by itself. The last line is a JSON object.
"""

import json
import os
import pathlib
import sys
import time

os.environ.update(
    RAY_USAGE_STATS_ENABLED="0",
    RAY_AIR_NEW_OUTPUT="0",
    TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
    TUNE_GLOBAL_CHECKPOINT_S="600",
)

import ray  # noqa: E402
from forest import digits_table, trained  # noqa: E402
from forest_space import suggested  # noqa: E402
from ray import tune  # noqa: E402
from ray.tune.logger import JsonLoggerCallback  # noqa: E402
from ray.tune.search.optuna import OptunaSearch  # noqa: E402

slots = 2


def main(folder: pathlib.Path, work: dict) -> None:
    ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False, _temp_dir=str(folder / "ray"))
    table = digits_table()
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(train, table=table), {"cpu": 1}),
        param_space={"params": tune.grid_search(work["list"])} if "list" in work else {},
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=1 if "list" in work else work["trials"],
            max_concurrent_trials=slots,
            reuse_actors=True,
            search_alg=None if "list" in work else OptunaSearch(suggested_space, metric="accuracy", mode="max", seed=work["seed"]),
        ),
        run_config=tune.RunConfig(storage_path=str(folder), name="forest", verbose=0, callbacks=[JsonLoggerCallback()]),
    )
    at = time.perf_counter()
    results = tuner.fit()
    seconds = time.perf_counter() - at
    trainings = [{key: result.metrics[key] for key in ("accuracy", "began", "seconds")} for result in results]
    print(json.dumps({"seconds": seconds, "trainings": trainings}), flush=True)
    ray.shutdown()


def suggested_space(trial):
    suggested(trial)


def train(config, table):
    return trained(config.get("params", config), table)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]))
