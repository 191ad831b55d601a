"""Airflow's part in the benches that compare runs: a DAG run by the REST API, until its state says that it has ended.

    python airflow_runs.py <work folder> <works as JSON>
"""

import json
import pathlib
import sys
import time
import urllib.error

from airflow_server import Api, server
from peer import prepare_for_orders, take_orders, until

poll_seconds = 0.05


def main(folder: pathlib.Path, works: str) -> None:
    answers_to = prepare_for_orders()
    wanted = {dag_id(work) for work in json.loads(works)}
    with server(folder, "airflow_run_dags", "0.1", BENCH_WORKS=works, BENCH_FOLDER=str(folder)) as api:
        until(lambda: api.schedules() and wanted <= {dag["dag_id"] for dag in api.call("dags")["dags"]})
        take_orders(answers_to, lambda order: run(api, order))


def dag_id(work: dict) -> str:
    return f"{work['name'].replace(' ', '-')}-{work['size']}"


def run(api: Api, order: dict) -> None:
    runs = f"dags/{dag_id(order)}/dagRuns"
    id = f"run-{order['seed']}"
    api.call(runs, {"dag_run_id": id, "logical_date": None, "conf": {"seed": order["seed"]}})
    while (state := state_of(api, f"{runs}/{id}")) in ("queued", "running"):
        api.check()
        time.sleep(poll_seconds)
    if state != "success":
        raise RuntimeError(f"the DAG run ended as {state}")


def state_of(api: Api, path: str) -> str:
    """Asked again where its database was too busy to say."""
    for tries_left in reversed(range(100)):
        try:
            return api.call(path)["state"]
        except urllib.error.HTTPError as error:
            if error.code < 500 or tries_left == 0:
                raise
            time.sleep(poll_seconds)
    raise AssertionError


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
