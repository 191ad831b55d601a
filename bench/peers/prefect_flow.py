"""The flow that an event starts; run as a script it serves it, and says so by a file."""

import os
import pathlib
import time

from prefect import flow, task
from prefect.events import DeploymentEventTrigger

folder = pathlib.Path(os.environ["BENCH_BEGUN"])


@task
def first(id: str) -> None:
    (folder / f"begun-{id}").write_text(repr(time.time()))


@flow
def retrain(id: str) -> None:
    first(id)
    (folder / f"ended-{id}").touch()


if __name__ == "__main__":
    trigger = DeploymentEventTrigger(
        expect={"bench.arrival"},
        for_each={"prefect.resource.id"},
        parameters={"id": "{{ event.payload.id }}"},
    )
    deployment = retrain.to_deployment("on-arrival", triggers=[trigger])
    (folder / "serving").touch()
    from prefect import serve

    serve(deployment, print_starting_message=False, pause_on_shutdown=False)
