"""A DAG for each work that the bench will ask for."""

import json
import os
import pathlib

import iris_tasks
from airflow.sdk import DAG, task
from fibo import fibo as fibo_of

folder = pathlib.Path(os.environ["BENCH_FOLDER"])


@task
def fibo(n: int) -> int:
    return fibo_of(n)


@task
def ingest(dag_run=None) -> dict:
    seed = dag_run.conf["seed"]
    return iris_tasks.ingest(folder / f"iris-{seed}", seed)


def chain(steps: int) -> None:
    last = None
    for place in range(steps):
        this = fibo.override(task_id=f"fibo-{place}")(10)
        if last is not None:
            last >> this
        last = this


def fan_out(steps: int) -> None:
    fibo.expand(n=[10] * steps)


def tutorial(steps: int) -> None:
    passed = ingest()
    for one in iris_tasks.after_ingest:
        passed = task(one)(passed)


works = {"chain": chain, "Python chain": chain, "fan-out": fan_out, "tutorial": tutorial}

for work in json.loads(os.environ["BENCH_WORKS"]):
    with DAG(f"{work['name'].replace(' ', '-')}-{work['size']}", schedule=None, catchup=False):
        works[work["name"]](work["size"])
