"""Prefect's peer of bench/arrival: an event, and the first task of the deployment that an automation starts by it.

A server of its own on SQLite, one `serve` process, one run at a time, each awaited before the next event:
    python prefect_arrival.py <work folder> <runs> <seconds between polls of the runner, or "default">
The last line is a JSON list of milliseconds from before `emit_event` to the task's own clock.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

within_seconds = 120


def main(folder: pathlib.Path, runs: int, poll: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    own = {
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
        "BENCH_BEGUN": str(folder),
        **({} if poll == "default" else {"PREFECT_RUNNER_POLL_FREQUENCY": poll}),
    }
    os.environ.update(own)
    prefect = [sys.executable, "-m", "prefect"]
    started = []

    def start(*command: str) -> None:
        log = open(folder / f"process-{len(started)}.log", "wb")
        started.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))

    try:
        start(*prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port))
        until(lambda: answers(f"{api}/health"))
        start(sys.executable, str(pathlib.Path(__file__).with_name("prefect_flow.py")))
        until(lambda: (folder / "serving").exists())
        time.sleep(5)  # the server's own services take the automation up
        print(json.dumps([measure(folder, n) for n in range(runs + 1)][1:]), flush=True)
    finally:
        for process in reversed(started):
            os.killpg(process.pid, signal.SIGTERM)
        for process in started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def measure(folder: pathlib.Path, n: int) -> float:
    from prefect.events import emit_event

    resource = {"prefect.resource.id": f"bench.arrival.{n}"}
    sent = time.time()
    emit_event("bench.arrival", resource=resource, payload={"id": str(n)})
    until(lambda: (folder / f"ended-{n}").exists())
    time.sleep(1)
    return (float((folder / f"begun-{n}").read_text()) - sent) * 1_000


def answers(url: str) -> bool:
    try:
        return urllib.request.urlopen(url, timeout=2).status == 200
    except OSError:
        return False


def until(ready) -> None:
    deadline = time.time() + within_seconds
    while not ready():
        if time.time() > deadline:
            raise SystemExit(f"nothing came within {within_seconds} s")
        time.sleep(0.02)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
