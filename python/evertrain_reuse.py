"""Whether a process may take another job after one, and how the next finds it as the first did."""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
import signal
import sys
import sysconfig
import threading
import types
import warnings
from typing import Any

_MOST_GROWTH_KIB = 256 * 1024
#: Garbage that is left to the interpreter: to collect it takes longer than a short job.
_LITTLE_GROWTH_KIB = 16 * 1024
_LIBRARIES = tuple(sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib"))


class Traces:
    """What the process was before its first job.

    `tidy` undoes what can be undone: variables, folder, import path, the program's own modules, signal handlers, warning
    filters, handlers of the root logger. What installed packages keep in memory stays.
    """

    def __init__(self) -> None:
        self._environ = dict(os.environ)
        self._folder = os.getcwd()
        self._path, self._hooks, self._arguments = list(sys.path), list(sys.path_hooks), list(sys.argv)
        self._modules = set(sys.modules)
        self._handlers = _signal_handlers()
        self._filters = list(warnings.filters)
        self._loggers = list(logging.root.handlers), logging.root.level
        self._size = resident_kib()
        self._counts = self._count()

    def can_be_undone(self) -> bool:
        """Not where threads, open files or functions for the interpreter's end are left, or much memory."""
        threads, files, functions = self._count()
        # One more file is the job's channel.
        return (threads, files - 1, functions) == self._counts and resident_kib() - self._size <= _MOST_GROWTH_KIB

    def tidy(self) -> None:
        os.environ.clear()
        os.environ.update(self._environ)
        os.chdir(self._folder)
        sys.path[:], sys.path_hooks[:], sys.argv[:] = self._path, self._hooks, self._arguments
        for name in [name for name in sys.modules if name not in self._modules]:
            if not _is_installed(sys.modules[name]):
                del sys.modules[name]
        for number, handler in self._handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        warnings.filters[:] = self._filters  # type: ignore[index]
        logging.root.handlers[:], logging.root.level = self._loggers
        if resident_kib() - self._size > _LITTLE_GROWTH_KIB:
            gc.collect()

    @staticmethod
    def _count() -> "tuple[int, ...]":
        threads = _entries("/proc/self/task") or threading.active_count()
        return threads, _entries("/proc/self/fd"), atexit._ncallbacks()


def resident_kib() -> int:
    with contextlib.suppress(OSError):
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return 0


def _is_installed(module: "types.ModuleType | None") -> bool:
    """Of the standard library, a package or the interpreter; what has no file and no folder is the interpreter's."""
    places = [getattr(module, "__file__", None), *list(getattr(module, "__path__", []))]
    known = [os.path.abspath(place) for place in places if isinstance(place, str)]
    return all(
        place.startswith(_LIBRARIES) or "site-packages" in place or "dist-packages" in place for place in known
    )


def _signal_handlers() -> "dict[int, Any]":
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def _entries(folder: str) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(folder))
    return 0
