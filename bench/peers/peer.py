"""What the peers share: processes that end with the run, a free port, waiting, taking orders."""

import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

within_seconds = 180


class Processes:
    """Processes in groups of their own, their output in files of the folder; all are ended, the last first."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.started = []

    def start(self, *command: str) -> None:
        with open(self.folder / f"process-{len(self.started)}.log", "wb") as log:
            self.started.append(
                subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent)
            )

    def check(self) -> None:
        """Fails where one of them has ended by itself."""
        for number, process in enumerate(self.started):
            if process.poll() is None:
                continue
            said = (self.folder / f"process-{number}.log").read_text(errors="replace").strip().splitlines()
            error = next((line for line in reversed(said) if "Error" in line), said[-1] if said else "")
            raise RuntimeError(f"{' '.join(process.args[-3:])} ended by itself: {error[:200]}")

    def end(self) -> None:
        for process in reversed(self.started):
            self.tell(process, signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                pass
            # What it started may outlive it.
            self.tell(process, signal.SIGKILL)
            process.wait()

    @staticmethod
    def tell(process: subprocess.Popen, what: int) -> None:
        try:
            os.killpg(process.pid, what)
        except ProcessLookupError:
            pass


def die_with_parent() -> None:
    """So that nothing is left of a run that took too long and was killed. Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def prepare_for_orders():
    """Standard output is for `take_orders` alone from now on; what others print goes to standard error."""
    answers_to = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return answers_to


def take_orders(answers_to, run) -> None:
    """Says that it is ready; then, for each line of the input, how many milliseconds `run` took, or why it failed."""
    print(json.dumps({"ready": True}), file=answers_to)
    for line in sys.stdin:
        order = json.loads(line)
        began = time.perf_counter()
        try:
            run(order)
            answer = {"ms": (time.perf_counter() - began) * 1_000}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {str(error)[:500]}"}
        print(json.dumps(answer), file=answers_to)


def measure(folder: pathlib.Path, n: int, send) -> float:
    """Milliseconds from before the event is sent to the first task's own clock; answers when the run has ended."""
    sent = time.time()
    send(str(n))
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
