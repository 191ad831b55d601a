"""Prefect's part in the benches that compare runs: a flow, called in this process, that tells the server of each task.

    python prefect_runs.py <work folder> <works as JSON>
"""

import pathlib
import sys

import iris_tasks
from fibo import fibo
from peer import prepare_for_orders, take_orders
from prefect_server import server


def main(folder: pathlib.Path) -> None:
    answers_to = prepare_for_orders()
    with server(folder):
        works = flows(folder)
        take_orders(answers_to, lambda order: works[order["name"]](order["size"], order["seed"]))


def flows(folder: pathlib.Path) -> dict:
    # It reads its settings when it is imported.
    from prefect import flow, task

    step = task(fibo)
    ingest, *others = [task(one) for one in (iris_tasks.ingest, *iris_tasks.after_ingest)]

    @flow
    def chain(steps: int, seed: int) -> None:
        for _ in range(steps):
            step(10)

    @flow
    def fan_out(steps: int, seed: int) -> int:
        return len(step.map([10] * steps).result())

    @flow
    def tutorial(steps: int, seed: int) -> None:
        passed = ingest(folder / f"iris-{seed}", seed)
        for one in others:
            passed = one(passed)

    return {"chain": chain, "Python chain": chain, "fan-out": fan_out, "tutorial": tutorial}


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
