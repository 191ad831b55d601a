"""Dagster's part in the benches that compare runs: a job in this process, its events in an instance on SQLite.

    python dagster_runs.py <work folder> <works as JSON>
"""

import json
import pathlib
import sys

import iris_tasks
from dagster import DagsterInstance, DynamicOut, DynamicOutput, In, Nothing, job, op
from fibo import fibo
from peer import prepare_for_orders, take_orders

quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def main(folder: pathlib.Path, works: list[dict]) -> None:
    answers_to = prepare_for_orders()
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    instance = DagsterInstance.from_config(str(folder))
    jobs = {(work["name"], work["size"]): built[work["name"]](work["size"], folder) for work in works}

    def run(order: dict) -> None:
        given = {"ops": {"ingest": {"config": {"seed": order["seed"]}}}} if order["name"] == "tutorial" else {}
        jobs[order["name"], order["size"]].execute_in_process(instance=instance, run_config={**quiet, **given})

    take_orders(answers_to, run)


def chain(steps: int, folder: pathlib.Path):
    @op(ins={"after": In(Nothing)})
    def step() -> int:
        return fibo(10)

    @job
    def chain_job() -> None:
        last = None
        for place in range(steps):
            this = step.alias(f"fibo_{place}")
            last = this() if last is None else this(after=last)

    return chain_job


def fan_out(steps: int, folder: pathlib.Path):
    @op(out=DynamicOut(int))
    def items():
        for place in range(steps):
            yield DynamicOutput(10, mapping_key=str(place))

    @op
    def step(n: int) -> int:
        return fibo(n)

    @op
    def count(results: list) -> int:
        return len(results)

    @job
    def fan_out_job() -> None:
        count(items().map(step).collect())

    return fan_out_job


def tutorial(steps: int, folder: pathlib.Path):
    @op(config_schema={"seed": int})
    def ingest(context) -> dict:
        seed = context.op_config["seed"]
        return iris_tasks.ingest(folder / f"iris-{seed}", seed)

    others = [op(one) for one in iris_tasks.after_ingest]

    @job
    def tutorial_job() -> None:
        passed = ingest()
        for one in others:
            passed = one(passed)

    return tutorial_job


built = {"chain": chain, "Python chain": chain, "fan-out": fan_out, "tutorial": tutorial}

if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]))
