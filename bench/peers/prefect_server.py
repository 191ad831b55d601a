"""Prefect's server on loopback and SQLite."""

import contextlib
import os
import pathlib
import sys

from peer import Processes, answers, free_port, until


@contextlib.contextmanager
def server(folder: pathlib.Path, **own: str):
    """The processes, to which others may be added; ended with the context. `own` are further settings."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    os.environ.update(
        {
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_API_URL": api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_LEVEL": "ERROR",
            "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
            "DO_NOT_TRACK": "1",
            **own,
        }
    )
    processes = Processes(folder)
    try:
        processes.start(sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
        until(lambda: answers(f"{api}/health"))
        yield processes
    finally:
        processes.end()
