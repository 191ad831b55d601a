"""Airflow's peer of bench/arrival: an asset's event by the REST API, and the first task of the DAG that it starts.

API server, scheduler and DAG processor on SQLite with the local executor, one run at a time, each awaited before the
next event:
    python airflow_arrival.py <work folder> <runs> <seconds that an idle scheduler sleeps, or "default">
The last line is a JSON list of milliseconds from before the request to the task's own clock.
"""

import json
import os
import pathlib
import secrets
import subprocess
import sys
import urllib.request

from peer import Processes, answers, free_port, measure, until

airflow = [sys.executable, "-m", "airflow"]


def main(folder: pathlib.Path, runs: int, idle_sleep: str) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    own = {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(pathlib.Path(__file__).with_name("airflow_dags")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(64),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PYTHONDONTWRITEBYTECODE": "1",
        "BENCH_BEGUN": str(folder),
        **({} if idle_sleep == "default" else tuned(idle_sleep)),
    }
    os.environ.update(own)
    processes = Processes(folder)
    try:
        with open(folder / "migrate.log", "wb") as log:
            subprocess.run([*airflow, "db", "migrate"], stdout=log, stderr=log, check=True)
        processes.start(*airflow, "api-server", "--host", "127.0.0.1", "--port", str(port))
        until(lambda: answers(f"{address}/api/v2/version"))
        processes.start(*airflow, "scheduler", "--skip-serve-logs")
        processes.start(*airflow, "dag-processor")
        api = Api(address)
        until(api.is_ready)
        print(json.dumps([measure(folder, n, api.send) for n in range(runs + 1)][1:]), flush=True)
    finally:
        processes.end()


def tuned(idle_sleep: str) -> dict[str, str]:
    return {
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": idle_sleep,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    }


class Api:
    def __init__(self, address: str) -> None:
        self.address = address
        token = json.load(urllib.request.urlopen(f"{address}/auth/token"))["access_token"]
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/v2/{path}", data, self.headers)
        return json.load(urllib.request.urlopen(request, timeout=60))

    def is_ready(self) -> bool:
        """The DAG has been read, and the scheduler lives."""
        self.assets = self.call("assets")["assets"]
        is_scheduled = self.call("monitor/health")["scheduler"]["status"] == "healthy"
        return is_scheduled and any(asset["scheduled_dags"] for asset in self.assets)

    def send(self, id: str) -> None:
        self.call("assets/events", {"asset_id": self.assets[0]["id"], "extra": {"id": id}})


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
