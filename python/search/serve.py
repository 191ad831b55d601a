"""Optuna, kept warm for the worker that started this process (activities/search/optuna-process.ts).

Protocol: JSON lines, one answer for each request, in their order. In: ``{"id", "op": "suggest" | "importance", …}`` with
the fields of ``SuggestRequest``, or direction, space, seed and trials of a study. Out: ``{"id", "answer", "notes", "rss"}`` or ``{"id", "error":
{"kind", "message"}, "rss"}``, where ``kind`` is ``refused`` (it cannot be), ``missing`` (a package) or ``failed`` (Optuna
raised), and rss is in KiB. The process ends with its standard input, in the middle of a request too: a worker that was
killed leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from typing import Any, NoReturn

if sys.version_info < (3, 10):
    sys.exit(f"Evertrain needs Python 3.10 or newer; {sys.executable} is {sys.version.split()[0]}.")

_MOST_STUDIES = 32
# One thread draws the same numbers everywhere, and leaves the cores to trials. Read when NumPy is loaded.
_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def main() -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What packages print must not meddle with the protocol.
    protocol = os.dup(1)
    os.dup2(2, 1)
    lines: "queue.SimpleQueue[bytes]" = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    for name in _THREAD_LIMITS:
        os.environ.setdefault(name, "1")
    server = _Server()
    while True:
        request = json.loads(lines.get())
        answer = {"id": request["id"], **server.answer(request), "rss": _resident_kib()}
        _say(protocol, json.dumps(answer, allow_nan=False).encode() + b"\n")


def _read(lines: "queue.SimpleQueue[bytes]") -> NoReturn:
    for line in sys.stdin.buffer:
        lines.put(line)
    os._exit(0)


def _say(protocol: int, line: bytes) -> None:
    try:
        while line:
            line = line[os.write(protocol, line) :]
    except BrokenPipeError:
        os._exit(0)


class _Server:
    """Imports what it needs with the first request, so that a package that is missing can be told."""

    def __init__(self) -> None:
        self._studies: Any = None

    def answer(self, request: "dict[str, Any]") -> "dict[str, Any]":
        try:
            self._load()
            return self._obey(request)
        except MemoryError:
            raise
        except ImportError as error:
            return _error("missing", error, f"{error.name or 'a package'} cannot be imported ({error})")
        except Exception as error:
            kind = "refused" if type(error).__name__ == "Refused" else "failed"
            return _error(kind, error, str(error) if kind == "refused" else f"{type(error).__name__}: {error}")

    def _load(self) -> None:
        if self._studies is not None:
            return
        import warnings

        import optuna

        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.CRITICAL)
        from studies import Studies

        self._studies = Studies(_MOST_STUDIES)

    def _obey(self, request: "dict[str, Any]") -> "dict[str, Any]":
        if request["op"] == "importance":
            from importance import importance

            return {"answer": importance(request), "notes": {}}
        answer, notes = self._studies.suggest(request)
        return {"answer": answer, "notes": notes}


def _error(kind: str, error: Exception, message: str) -> "dict[str, Any]":
    if kind == "failed":
        import traceback

        traceback.print_exception(error)
    return {"error": {"kind": kind, "message": message}}


def _resident_kib() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return 0


if __name__ == "__main__":
    main()
