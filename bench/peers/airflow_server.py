"""Airflow on loopback: API server, scheduler and DAG processor on SQLite with the local executor."""

import contextlib
import json
import os
import pathlib
import secrets
import subprocess
import sys
import urllib.request

from peer import Processes, answers, free_port, until

airflow = [sys.executable, "-m", "airflow"]
here = pathlib.Path(__file__).parent


@contextlib.contextmanager
def server(folder: pathlib.Path, dags: str, idle_sleep: str, **own: str):
    """Its `Api`. `dags` is a folder beside this file; `idle_sleep` is in seconds, or "default"; `own` is for the DAGs."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    os.environ.update(
        {
            "AIRFLOW_HOME": str(folder / "home"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(here / dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
            # 32 at once, as installed, are more than SQLite and two cores bear: tasks run into time-outs and fail.
            "AIRFLOW__CORE__PARALLELISM": "8",
            "AIRFLOW__CORE__MAX_MAP_LENGTH": "200000",
            "AIRFLOW__API__BASE_URL": address,
            # With SQLite's usual 5 s the scheduler may end by "database is locked".
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/home/airflow.db?timeout=60",
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(64),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(here),
            **own,
            **({} if idle_sleep == "default" else tuned(idle_sleep)),
        }
    )
    processes = Processes(folder)
    try:
        with open(folder / "migrate.log", "wb") as log:
            subprocess.run([*airflow, "db", "migrate"], stdout=log, stderr=log, check=True)
        processes.start(*airflow, "api-server", "--host", "127.0.0.1", "--port", str(port))
        until(lambda: answers(f"{address}/api/v2/version"))
        processes.start(*airflow, "scheduler", "--skip-serve-logs")
        processes.start(*airflow, "dag-processor")
        yield Api(address, processes.check)
    finally:
        processes.end()


def tuned(idle_sleep: str) -> dict[str, str]:
    return {
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": idle_sleep,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    }


class Api:
    def __init__(self, address: str, check) -> None:
        """`check` fails where one of its processes has ended."""
        self.address, self.check = address, check
        token = json.load(urllib.request.urlopen(f"{address}/auth/token"))["access_token"]
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def call(self, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/api/v2/{path}", data, self.headers)
        return json.load(urllib.request.urlopen(request, timeout=60))

    def schedules(self) -> bool:
        return self.call("monitor/health")["scheduler"]["status"] == "healthy"
