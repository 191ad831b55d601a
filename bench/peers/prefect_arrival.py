"""Prefect's peer of bench/arrival: an event, and the first task of the deployment that an automation starts by it.

A server of its own on SQLite, one `serve` process, one run at a time, each awaited before the next event:
    python prefect_arrival.py <work folder> <runs> <seconds between polls of the runner, or "default">
The last line is a JSON list of milliseconds from before `emit_event` to the task's own clock.
"""

import json
import pathlib
import sys
import time

from peer import measure, until
from prefect_server import server


def main(folder: pathlib.Path, runs: int, poll: str) -> None:
    polls = {} if poll == "default" else {"PREFECT_RUNNER_POLL_FREQUENCY": poll}
    with server(folder, BENCH_BEGUN=str(folder), **polls) as processes:
        processes.start(sys.executable, str(pathlib.Path(__file__).with_name("prefect_flow.py")))
        until(lambda: (folder / "serving").exists())
        time.sleep(5)  # the server's own services take the automation up
        print(json.dumps([measure(folder, n, send) for n in range(runs + 1)][1:]), flush=True)


def send(id: str) -> None:
    from prefect.events import emit_event

    emit_event("bench.arrival", resource={"prefect.resource.id": f"bench.arrival.{id}"}, payload={"id": id})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
