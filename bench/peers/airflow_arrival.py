"""Airflow's peer of bench/arrival: an asset's event by the REST API, and the first task of the DAG that it starts.

API server, scheduler and DAG processor on SQLite with the local executor, one run at a time, each awaited before the
next event:
    python airflow_arrival.py <work folder> <runs> <seconds that an idle scheduler sleeps, or "default">
The last line is a JSON list of milliseconds from before the request to the task's own clock.
"""

import json
import pathlib
import sys

from airflow_server import Api, server
from peer import measure, until


def main(folder: pathlib.Path, runs: int, idle_sleep: str) -> None:
    with server(folder, "airflow_dags", idle_sleep, BENCH_BEGUN=str(folder)) as api:
        arrival = Arrival(api)
        until(arrival.is_ready)
        print(json.dumps([measure(folder, n, arrival.send) for n in range(runs + 1)][1:]), flush=True)


class Arrival:
    def __init__(self, api: Api) -> None:
        self.api = api

    def is_ready(self) -> bool:
        """The DAG has been read, and the scheduler lives."""
        self.assets = self.api.call("assets")["assets"]
        return self.api.schedules() and any(asset["scheduled_dags"] for asset in self.assets)

    def send(self, id: str) -> None:
        self.api.call("assets/events", {"asset_id": self.assets[0]["id"], "extra": {"id": id}})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
