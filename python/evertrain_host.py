"""The warm host: one process imports the heavy modules once and forks processes for jobs, ahead or when one comes.

Every job has two processes. The *supervisor*, forked from the host, adopts whatever the job leaves behind (it is a
child subreaper) and ends all of it once the job's own process has ended; then it takes another job, for to fork and to
end a large process is most of what a short job costs. The *job*, forked from the supervisor, leads a session of its own
and runs the program, its standard streams connected to the worker by sockets. A job whose document says `reuse` leaves its
process to the next one of the same target, unless it failed or left behind what cannot be undone (evertrain_reuse.py).
Whoever dies:

- The worker, also by SIGKILL: the host reads the end of its standard input, lets go of all supervisors, and ends.
- The host: each supervisor reads the end of its link to the host, and ends its job and all descendants.
- A supervisor: the kernel ends its job (parent-death signal); the host, a subreaper too, ends what the job left.

Protocol: JSON lines. In: `{"op": "fork", "id"}`, `{"op": "again", "id", "of"}` (in the process that job `of` left, or as
`fork` where there is none), `{"op": "stop", "id", "signal": "TERM" | "KILL"}`. Out: `{"event": "ready", "pid", "rss"}`,
`{"event": "exit", "id", "code", "stays", "rss"}` (a negative code is a signal; `stays`: its process is left; rss in KiB).
A job connects twice to the worker's socket and says `<id><o|e>` (17 bytes): `o` carries its standard output, and the
other way a line with the path of its document, for which it waits, and the acknowledgements of checkpoints; `e` its
standard error. One that leaves its process and nothing else connects once more and says `<id>x`: its end, sooner than the
host can tell it.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import select
import selectors
import shutil
import signal
import socket
import time
import traceback
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import evertrain
from evertrain_reuse import Traces, resident_kib

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_SUBREAPER, _DEATH_SIGNAL = 36, 1
_MOST_IDLE = 8
#: Seconds that a process without a job is kept.
_STAY_SECONDS = 60.0


def main(arguments: "list[str]") -> int:
    parser = argparse.ArgumentParser(prog="evertrain.py host")
    parser.add_argument("--socket", required=True, help="the worker's socket, in a folder that the host removes")
    parser.add_argument("--preload", default="", help="modules, separated by commas")
    parser.add_argument("--script", action="append", default=[], help="a program whose imports are loaded ahead")
    options = parser.parse_args(arguments)
    _Host(options.socket).serve([(name, None) for name in options.preload.split(",") if name], options.script)
    return 0


class _Ward:
    """The host's end of a supervisor."""

    def __init__(self, pid: int, link: socket.socket, job: str) -> None:
        self.pid, self.link = pid, link
        self.job: "str | None" = job
        #: The job whose process it keeps.
        self.left: "str | None" = None
        #: The job that wants the process of the one at work, whose end the worker has heard before.
        self.next: "str | None" = None
        #: What that one is to be sent as soon as it begins.
        self.signals: "list[str]" = []

    def take(self, job: str) -> bool:
        try:
            self.link.send(b"J" + job.encode() + b"\n")
        except OSError:  # it has died: its link will tell
            return False
        self.job, self.left = job, None
        return True


class _Host:
    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self._wards: "dict[int, _Ward]" = {}
        self._idle: "list[_Ward]" = []
        self._input = b""
        # What modules print while they are imported must not meddle with the protocol.
        self._protocol = os.dup(1)
        os.dup2(2, 1)

    def serve(self, modules: "list[tuple[str, str | None]]", scripts: "Iterable[str]") -> None:
        evertrain.prctl(_SUBREAPER, 1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._load(modules, scripts)
        self._wake, wake = os.pipe()
        for end in (self._wake, wake):
            os.set_blocking(end, False)
        self._wake_writer = wake
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._say(event="ready", pid=os.getpid())
        while self._step():
            pass
        self._leave()

    def _load(self, modules: "list[tuple[str, str | None]]", scripts: "Iterable[str]") -> None:
        # While an import runs nobody reads the end of input, so for that time the kernel watches the worker.
        evertrain.prctl(_DEATH_SIGNAL, signal.SIGKILL)
        for name in _THREAD_LIMITS:
            os.environ.setdefault(name, "1")
        evertrain.preload(modules + evertrain.third_party_imports([Path(script) for script in scripts]))
        evertrain.prctl(_DEATH_SIGNAL, 0)
        # Forked processes share the pages that the collector does not touch.
        gc.collect()
        gc.freeze()
        warnings.filterwarnings("ignore", message=".*fork.*", category=DeprecationWarning)

    def _step(self) -> bool:
        for key, _ in self._selector.select():
            if key.data is not None:
                self._heard(key.data)
            elif key.fd == 0:
                received = os.read(0, 65536)
                if not received:
                    return False
                self._input += received
                *lines, self._input = self._input.split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
            else:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
                self._reap()
        return True

    def _obey(self, request: "dict[str, Any]") -> None:
        if request["op"] == "fork":
            self._fork(request["id"])
            return
        if request["op"] == "again":
            self._again(request["id"], request["of"])
            return
        self._stop(request["id"], request["signal"])

    def _stop(self, name: str, how: str) -> None:
        for ward in self._wards.values():
            if ward.job == name:
                with contextlib.suppress(OSError):
                    ward.link.send(how[:1].encode())
            elif ward.next == name:
                ward.signals.append(how)

    def _again(self, name: str, of: str) -> None:
        for ward in self._wards.values():
            if ward.left == of and ward.take(name):
                return
            if ward.job == of and ward.next is None:
                ward.next = name
                return
        self._fork(name)

    def _fork(self, name: str) -> None:
        while self._idle:
            if self._idle.pop().take(name):
                return
        link, other = socket.socketpair()
        try:
            pid = os.fork()
        except OSError as error:
            link.close()
            other.close()
            self._say(event="exit", id=name, code=None, why=f"the host cannot fork: {error}")
            return
        if pid == 0:
            self._become_supervisor(link, other, name)
        other.close()
        self._wards[pid] = ward = _Ward(pid, link, name)
        self._selector.register(link, selectors.EVENT_READ, ward)

    def _become_supervisor(self, mine: socket.socket, link: socket.socket, name: str) -> NoReturn:
        try:
            # Held here, the other jobs' links would outlive the host, and the host's output would never end.
            self._selector.close()
            for end in [mine, *(ward.link for ward in self._wards.values())]:
                end.close()
            for descriptor in (self._wake, self._wake_writer, self._protocol):
                os.close(descriptor)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.close(nothing)
            _Supervisor(link, self._socket_path).serve(name)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._wards.pop(pid, None)

    def _heard(self, ward: _Ward) -> None:
        """The supervisor tells the job's exit status, then that nothing of the job is left; or it died.

        A `+` behind the status: its process is left for another job, until the supervisor is idle.
        """
        told = b""
        with contextlib.suppress(OSError):
            told = ward.link.recv(64)
        for word in told.split():
            if word != b"idle":
                stays = word.endswith(b"+")
                self._say(event="exit", id=ward.job, code=int(word.rstrip(b"+")), stays=stays)
                ward.job, ward.left = None, ward.job if stays else None
                self._begin_next(ward)
            elif ward.job is not None:  # the order to take it went out before
                continue
            elif len(self._idle) < _MOST_IDLE:
                ward.left = None
                self._idle.append(ward)
            else:
                told = b""
        if told:
            return
        self._selector.unregister(ward.link)
        ward.link.close()
        if ward in self._idle:
            self._idle.remove(ward)
        if ward.job is not None:
            self._lost(ward)
            self._begin_next(ward)

    def _begin_next(self, ward: _Ward) -> None:
        (name, ward.next), (signals, ward.signals) = (ward.next, None), (ward.signals, [])
        if name is None:
            return
        if ward.left is None or not ward.take(name):
            self._fork(name)
        for how in signals:
            self._stop(name, how)

    def _lost(self, ward: _Ward) -> None:
        # Its link closes before the kernel hands its children over, which it has done when it can be reaped.
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            self._reap()
            orphans = [pid for pid in children_of([os.getpid()], depth=1) if pid not in self._wards]
            if not orphans and ward.pid not in self._wards:
                break
            _kill(orphans + children_of(orphans))
            time.sleep(0.005)
        self._say(event="exit", id=ward.job, code=None, why="its supervisor ended first")

    def _leave(self) -> None:
        """The worker is gone or has closed its end."""
        for ward in self._wards.values():
            ward.link.close()
        end_descendants(5)
        shutil.rmtree(os.path.dirname(self._socket_path), ignore_errors=True)

    def _say(self, **event: Any) -> None:
        line = json.dumps({**event, "rss": resident_kib()}).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):
            while line:
                line = line[os.write(self._protocol, line) :]


class _Supervisor:
    """Waits for one job after the other, obeys the host's signals, and leaves no descendant of a job behind."""

    def __init__(self, link: socket.socket, socket_path: str) -> None:
        self._link, self._socket_path = link, socket_path
        self._pid = os.getpid()

    def serve(self, name: str) -> NoReturn:
        evertrain.prctl(_SUBREAPER, 1)
        self._wake, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        self._stays = False
        while True:
            if not (self._stays and self._hand_over(name)):
                self._fork(name)
            self._watch()
            if not self._stays or not select.select([self._link], [], [], _STAY_SECONDS)[0]:
                self._dismiss()
                self._link.send(b"idle ")
            # Signals of the job before may come first, and one of this job behind it.
            name = _line_of(self._link, at_once=1).rpartition("J")[2]
            if name == "":
                os._exit(0)

    def _hand_over(self, name: str) -> bool:
        try:
            self._orders.send(name.encode() + b"\n")
        except OSError:  # something has ended it
            self._dismiss()
            return False
        return True

    def _dismiss(self) -> None:
        """Ends a process that stays, and what it has left."""
        if not self._stays:
            return
        self._stays = False
        self._end_job()

    def _end_job(self) -> None:
        os.close(self._codes)
        self._orders.close()
        end_descendants(5, group=self._job)

    def _fork(self, name: str) -> None:
        self._codes, code_writer = os.pipe()
        orders, self._orders = socket.socketpair()
        self._job = os.fork()
        if self._job == 0:
            try:
                os.setsid()
                evertrain.die_with(self._pid)
                signal.set_wakeup_fd(-1)
                for descriptor in (self._wake, self._wake_writer, self._codes):
                    os.close(descriptor)
                for end in (self._link, self._orders):
                    end.close()
                _Program(self._socket_path, orders, code_writer).run(name)
            except BaseException:  # noqa: BLE001 - the worker may be gone; else it shows what standard error says
                traceback.print_exc()
            finally:
                os._exit(70)
        os.close(code_writer)
        orders.close()

    def _watch(self) -> None:
        """Until the job has ended; its process may stay."""
        self._code: "int | None" = None
        self._has_told = self._stays = False
        with selectors.DefaultSelector() as selector:
            for source in (self._link, self._wake, self._codes):
                selector.register(source, selectors.EVENT_READ)
            while self._code is None and not self._stays:
                self._step(selector)
        if self._code is not None:
            self._end_job()
            self._tell(f"{self._code} ")

    def _step(self, selector: selectors.BaseSelector) -> None:
        for key, _ in selector.select():
            if key.fd == self._wake:
                os.read(self._wake, 4096)
                self._reap()
            elif key.fd == self._codes:
                code = os.read(self._codes, 64)
                # What stays has looked by itself.
                is_alone = code.endswith(b"+") or (code != b"" and _are_alone(self._pid, self._job))
                # The end of a large process takes longer than that of many a job.
                if is_alone:
                    self._tell(f"{code.decode()} ")
                if not code.endswith(b"+"):
                    selector.unregister(self._codes)
                else:
                    self._stays = True
            else:
                self._obey()

    def _tell(self, code: str) -> None:
        if self._has_told:
            return
        self._has_told = True
        with contextlib.suppress(OSError):
            self._link.send(code.encode())

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._job:
                    self._code = os.waitstatus_to_exitcode(status)

    def _obey(self) -> None:
        order = self._link.recv(1)
        if not order:
            end_descendants(5, group=self._job)
            os._exit(1)
        if order == b"T":
            _signal_group(self._job, signal.SIGTERM)
        else:
            _signal_group(self._job, signal.SIGKILL)


class _Program:
    """The process of a job, or of several, one after the other."""

    def __init__(self, socket_path: str, orders: socket.socket, codes: int) -> None:
        self._socket_path, self._orders, self._codes = socket_path, orders, codes

    def run(self, name: str) -> NoReturn:
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        traces: "Traces | None" = None
        while name != "":
            out = self._connect(name + "o", 1)
            self._connect(name + "e", 2).close()
            document = _line_of(out)
            if document == "":  # nothing came for it
                break
            os.environ["EVERTRAIN_JOB"] = document
            traces = traces or Traces()
            code, stays = 70, False
            try:
                code = evertrain.run_job(document, out.fileno())
                stays = code == 0 and evertrain.leaves_process() and traces.can_be_undone()
                stays = stays and _are_alone(os.getppid(), os.getpid())
            finally:
                self._ended(name, out, code, stays)
            traces.tidy()
            name = _line_of(self._orders)
        os._exit(0)

    def _ended(self, name: str, out: socket.socket, code: int, stays: bool) -> None:
        if stays:
            evertrain.leave()
        else:
            evertrain.finish()
        with contextlib.suppress(OSError):  # the program may have closed them; then its end alone tells the code
            out.close()
            if stays:
                nothing = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nothing, 1)
                os.dup2(nothing, 2)
                os.close(nothing)
                with contextlib.suppress(OSError):
                    self._say(name + "x").close()
            else:
                os.close(1)
                os.close(2)
            os.write(self._codes, f"{code}{'+' if stays else ''}".encode())
        if not stays:
            os._exit(code)

    def _connect(self, header: str, descriptor: int) -> socket.socket:
        connection = self._say(header)
        os.dup2(connection.fileno(), descriptor)
        return connection

    def _say(self, header: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._socket_path)
        connection.sendall(header.encode())
        return connection


def _line_of(connection: socket.socket, at_once: int = 4096) -> str:
    """Reads one line; with more than a byte at once, nothing may follow it before this process asks for something."""
    line = b""
    while not line.endswith(b"\n"):
        received = connection.recv(at_once)
        if not received:
            return ""
        line += received
    return line[:-1].decode()


def _are_alone(supervisor: int, job: int) -> bool:
    """Whether the two have no other descendants; False where the kernel does not tell."""
    try:
        threads = os.listdir(f"/proc/{job}/task")
        return _children(supervisor, supervisor) == [str(job)] and not any(_children(job, one) for one in threads)
    except OSError:
        return False


def _children(process: int, thread: "int | str") -> "list[str]":
    with open(f"/proc/{process}/task/{thread}/children") as file:
        return file.read().split()


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:  # it does not lead its group yet
        with contextlib.suppress(ProcessLookupError):
            os.kill(leader, number)


def end_descendants(seconds: float, group: "int | None" = None) -> None:
    """Kills and reaps all descendants. As a subreaper this process is the ancestor of whatever they left behind."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass
        except ChildProcessError:
            break
        if time.monotonic() > deadline:
            break
        _kill(children_of([os.getpid()]))
        if group is not None:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)
        time.sleep(0.002)
    if group is not None and not os.path.isdir("/proc/self"):  # no subreapers (macOS): the group is what can be found
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)


def children_of(ancestors: "Iterable[int]", depth: "int | None" = None) -> "list[int]":
    """The descendants, children first, all or so many generations; empty where there is no /proc."""
    children: "dict[int, list[int]]" = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            parent = int(file.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found: "list[int]" = []
    generation = list(ancestors)
    while generation and depth != 0:
        generation = [child for parent in generation for child in children.get(parent, [])]
        found += generation
        depth = None if depth is None else depth - 1
    return found


def _kill(pids: "Iterable[int]") -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
