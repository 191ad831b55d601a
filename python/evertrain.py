"""The Python side of Evertrain: what a training program sees of the step that runs it.

A step bound by ``implementPython(step, 'train.py:fit')`` calls a function with the fields of the step's input::

    def fit(train, params, budget, ctx):
        table = train.read_table()                      # an evertrain.Artifact; a pandas data frame
        for epoch in range(ctx.resume().meta["epoch"] + 1 if ctx.resume() else 0, budget):
            ...
            ctx.metric("accuracy", accuracy, at=epoch)
            ctx.checkpoint("model.pkl", epoch=epoch)    # counts once it returns
        return {"model": evertrain.File("model.pkl"), "accuracy": accuracy}

``ctx`` is passed where the function declares it, and so is ``input``, the whole input. A step bound to ``'train.py'``
runs the whole script as ``__main__``, which uses ``evertrain.context()``, ``evertrain.input()`` and
``evertrain.output(**fields)``. Raise ``evertrain.UserError`` for data that no further attempt can make good.

A job reads the JSON document named by ``EVERTRAIN_JOB`` and writes another one. Progress, metrics and checkpoints are
lines on standard output that start with ``::evertrain:: ``; everything else that it prints is a log.

Before user code runs, the third-party modules that the script imports are loaded and ``random``, NumPy's global
generator and PyTorch (where they are loaded) are seeded with the step's seed; string hashes are the same in every job
unless PYTHONHASHSEED says otherwise. Equal seeds thus draw equal numbers, in a warm host or a process of its own.

Standard library only. pandas, NumPy and pyarrow are used where the environment has them.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import dataclasses
import datetime
import enum
import errno
import faulthandler
import functools
import importlib
import importlib.machinery
import importlib.util
import inspect
import io
import json
import logging
import math
import os
import random
import re
import runpy
import signal
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

if sys.version_info < (3, 10):
    sys.exit(f"Evertrain needs Python 3.10 or newer; {sys.executable} is {sys.version.split()[0]}.")

__all__ = [
    "Artifact",
    "Checkpoint",
    "CheckpointError",
    "Context",
    "Directory",
    "File",
    "UserError",
    "capture_mlflow",
    "context",
    "input",
    "output",
]

_PREFIX = b"::evertrain:: "
_MOST_EVENT_BYTES = 60_000
_PARQUET = "application/vnd.apache.parquet"


# --- What user code sees ---------------------------------------------------------------------------------------------


class UserError(Exception):
    """A fault in the data or parameters: the step fails with USER_DATA_MALFORMED and is not tried again."""

    evertrain_code = "USER_DATA_MALFORMED"


class CheckpointError(RuntimeError):
    """A checkpoint did not count: its file is missing, the store refused it, or a newer attempt has taken over."""

    def __init__(self, message: str, code: str = "USER_JOB_FAILED") -> None:
        super().__init__(message)
        self.evertrain_code = code


class _ContractError(Exception):
    """The program does not fit the step: missing function, other fields, an output that JSON cannot hold."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.evertrain_code = code


class _NotFinite(ValueError):
    evertrain_code = "USER_OUTPUT_INVALID"


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A file or directory of the input: immutable and verified. Usable wherever a path is."""

    path: Path
    """Where it lies on this machine; read-only, and without a telling name."""
    sha256: str
    size_bytes: int
    media_type: str
    reference: Mapping[str, Any] = dataclasses.field(repr=False, compare=False)
    """The JSON that stands for it in inputs and outputs."""

    def __fspath__(self) -> str:
        return str(self.path)

    def bytes(self) -> bytes:
        return self.path.read_bytes()

    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    def json(self) -> Any:
        return json.loads(self.bytes())

    def read_table(self, **options: Any) -> Any:
        """A pandas data frame from Parquet, CSV or JSON; options go to pandas' reader."""
        readers = {_PARQUET: "read_parquet", "text/csv": "read_csv", "application/json": "read_json"}
        media_type = self.media_type.split(";")[0].strip()
        reader = readers.get(media_type, "read_parquet" if "parquet" in media_type else None)
        if reader is None:
            raise TypeError(f"an artifact of type {self.media_type} is no table: read_table takes {', '.join(readers)}")
        try:
            import pandas  # type: ignore[import-untyped]
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError("read_table needs pandas: add it to the step's requirements file") from error
        return getattr(pandas, reader)(self.path, **options)


@dataclasses.dataclass(frozen=True)
class File:
    """A file to put into the output. The media type is told from the name's ending where it is not given."""

    path: "str | os.PathLike[str]"
    media_type: "str | None" = None


@dataclasses.dataclass(frozen=True)
class Directory:
    """A directory to put into the output, with every file below it."""

    path: "str | os.PathLike[str]"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The newest checkpoint of this call, by whichever attempt, or of the call that it goes on from."""

    path: Path
    meta: Mapping[str, Any]
    sequence: int
    """Grows by one with each checkpoint of the call that saved it."""


@dataclasses.dataclass(frozen=True)
class Run:
    workflow_id: str
    run_id: str


@dataclasses.dataclass(frozen=True)
class Step:
    id: str
    name: str


class Context:
    """The step that runs this program, and how to report to it."""

    run: Run
    pipeline: str
    step: Step
    attempt: int
    """1 for the first attempt."""
    seed: int
    """32-bit unsigned; the same in every attempt and in every run with the same seed and step."""
    idempotency_key: str
    """The same for every attempt of this step in this run: give it to receivers that deduplicate."""
    parameters: Any
    """The whole input."""
    work_dir: Path
    """An empty folder of this attempt's own, removed when it ends."""
    log: logging.Logger
    """Logs with a level; what is printed becomes a log line too."""

    def __init__(self, document: Mapping[str, Any], parameters: Any, channel: "_Channel") -> None:
        facts = document["context"]
        self.run = Run(facts["workflowId"], facts["runId"])
        self.pipeline = facts["pipeline"]
        self.step = Step(facts["stepId"], facts["stepName"])
        self.attempt = facts["attempt"]
        self.seed = facts["seed"]
        self.idempotency_key = facts["idempotencyKey"]
        self.parameters = parameters
        self.work_dir = Path(document["workDir"])
        self.log = _job_logger(channel)
        self._channel = channel
        self._checkpoint = document.get("checkpoint")

    def progress(self, fraction: float, message: "str | None" = None) -> None:
        """Says how far the work is, from 0 to 1. A sign of life for the step's ``progressWithin``."""
        value = _finite("progress", fraction)
        if not 0 <= value <= 1:
            raise _NotFinite(f"progress is {fraction!r}: use a fraction from 0 to 1")
        self._channel.emit("progress", fraction=value, **({} if message is None else {"message": str(message)}))

    def metric(self, name: str, value: float, at: "float | None" = None) -> None:
        """Records one value of a curve; ``at`` is the epoch or iteration. NaN and infinities raise ValueError.

        In a trial whose study decides early by this metric, its run is told each value that has an ``at``. The program
        waits for none of it, and a value that an earlier attempt has told may come again.
        """
        fields = {} if at is None else {"at": _finite(f'"at" of metric "{name}"', at)}
        self._channel.emit("metric", name=str(name), value=_finite(f'metric "{name}"', value), **fields)

    def checkpoint(self, path: "str | os.PathLike[str]", **meta: Any) -> int:
        """Stores a file or directory from which the next attempt can go on; gives its number.

        It counts once this returns, and with it the metrics reported before it. The file may be overwritten or removed
        afterwards. ``meta`` holds small JSON facts.
        """
        where = Path(path).resolve()
        if not where.exists():
            raise CheckpointError(f"the checkpoint {where} does not exist", "USER_JOB_FAILED")
        return self._channel.checkpoint(str(where), _Encoder(None).encode(meta, "meta"))

    def resume(self) -> "Checkpoint | None":
        """The newest checkpoint, from which to go on; None at the first start.

        In a trial of a study that goes on (promoted to a larger budget, or taking over from a better one), this is the
        checkpoint of the earlier call until this call has one of its own, also on another worker. So train from
        ``meta["epoch"] + 1`` to the budget, and no epoch is paid twice; whatever the curve depends on belongs into the
        checkpoint: weights, optimizer, random generators.
        """
        found = self._checkpoint
        return found and Checkpoint(Path(found["path"]), found["meta"], found["sequence"])


def context() -> Context:
    """The context of the running job."""
    return _running().context


def input() -> Any:  # noqa: A001 - reads as evertrain.input()
    """The step's input, with artifacts as ``Artifact``."""
    return _running().context.parameters


def output(**fields: Any) -> None:
    """Writes the step's output; further calls add fields. For whole scripts: a function returns its output."""
    job = _running()
    job.fields.update(fields)
    job.write_output(job.fields)


def capture_mlflow() -> None:
    """Makes ``mlflow.log_metric`` and ``mlflow.log_metrics`` metrics of the step, and ``log_param(s)`` log lines.

    Where MLflow is installed its functions are wrapped and still do what they did; where it is not, a stand-in takes
    the usual calls and stores nothing. A metric that is not finite is logged as a warning and left out.
    """
    _capture_mlflow(_running().context)


# --- The channel to the worker ---------------------------------------------------------------------------------------


class _Stdout(io.TextIOWrapper):
    """Standard output that knows whether a line is open, so that an event starts on a line of its own."""

    midline = False

    def write(self, text: str) -> int:
        if text:
            self.midline = not text.endswith("\n")
        return super().write(text)


class _Channel:
    """Events go out as lines on standard output; a checkpoint waits for its acknowledgement on `ack`, where given."""

    def __init__(self, stdout: _Stdout, ack: "int | None") -> None:
        self._stdout = stdout
        self._out = os.dup(stdout.fileno())
        self._ack = ack
        self._received = b""
        self._last_id = 0
        self._new_locks()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._new_locks)

    def _new_locks(self) -> None:
        self._writing = threading.RLock()
        self._saving = threading.Lock()

    def emit(self, kind: str, **fields: Any) -> None:
        line = _PREFIX + json.dumps({"kind": kind, **fields}, allow_nan=False).encode() + b"\n"
        if len(line) > _MOST_EVENT_BYTES:
            raise ValueError(f"a {kind} event of {len(line)} bytes is too large: at most {_MOST_EVENT_BYTES} travel")
        with self._writing:
            with contextlib.suppress(ValueError):  # closed by user code
                self._stdout.flush()
            if self._stdout.midline:
                line = b"\n" + line
            self._stdout.midline = False
            while line:
                line = line[os.write(self._out, line) :]

    def close(self) -> None:
        os.close(self._out)

    def checkpoint(self, path: str, meta: Any) -> int:
        with self._saving:
            self._last_id += 1
            self.emit("checkpoint", path=path, meta=meta, id=self._last_id)
            if self._ack is None:
                return self._last_id
            while True:
                answer = json.loads(self._next_line(self._ack))
                if answer.get("id") != self._last_id:
                    continue
                if "error" in answer:
                    raise CheckpointError(answer["error"], answer.get("code", "USER_JOB_FAILED"))
                return int(answer["sequence"])

    def _next_line(self, ack: int) -> bytes:
        while b"\n" not in self._received:
            more = os.read(ack, 65536)
            if not more:
                raise CheckpointError("the worker is gone: the checkpoint was not acknowledged", "SYSTEM_JOB_KILLED")
            self._received += more
        line, self._received = self._received.split(b"\n", 1)
        return line


class _EventHandler(logging.Handler):
    """Turns log records into log events."""

    def __init__(self, channel: _Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        levels = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warn"}
        text = self.format(record)
        shown = text if len(text) <= 8_000 else f"{text[:8_000]} … ({len(text)} characters)"
        self._channel.emit("log", level=levels.get(record.levelno, "error"), message=shown)


def _job_logger(channel: _Channel) -> logging.Logger:
    logger = logging.getLogger("evertrain.job")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers = [_EventHandler(channel)]
    return logger


def _finite(what: str, value: Any) -> float:
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(f"{what} is {value!r}, not a number")
    number = float(value)
    if not math.isfinite(number):
        raise _NotFinite(f"{what} is {number}: report finite numbers only")
    return number


# --- Input and output documents --------------------------------------------------------------------------------------


def _is_reference(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("sha256"), str)
        and isinstance(value.get("mediaType"), str)
        and isinstance(value.get("uri"), str)
        and value["uri"].endswith(":sha256/" + value["sha256"])
    )


def _decode(value: Any, paths: Mapping[str, str]) -> Any:
    if _is_reference(value) and value["sha256"] in paths:
        path = Path(paths[value["sha256"]])
        return Artifact(path, value["sha256"], value.get("sizeBytes", 0), value["mediaType"], value)
    if isinstance(value, dict):
        return {key: _decode(inner, paths) for key, inner in value.items()}
    if isinstance(value, list):
        return [_decode(inner, paths) for inner in value]
    return value


class _Encoder:
    """Turns what user code returns into JSON. Tables become Parquet files below `folder`; files need one too."""

    def __init__(self, folder: "Path | None") -> None:
        self._folder = folder
        self._count = 0

    def encode(self, value: Any, at: str) -> Any:
        if isinstance(value, enum.Enum):
            return self.encode(value.value, at)
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return self._float(value, at)
        if isinstance(value, Mapping):
            return {self._key(key, at): self.encode(inner, f"{at}.{key}") for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.encode(inner, f"{at}[{index}]") for index, inner in enumerate(value)]
        return self._encode_object(value, at)

    def _encode_object(self, value: Any, at: str) -> Any:
        if isinstance(value, Artifact):
            return dict(value.reference)
        if isinstance(value, (File, Directory, Path)):
            return self._file(value, at)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            return {name: self.encode(getattr(value, name), f"{at}.{name}") for name in names}
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        is_scalar = getattr(value, "shape", None) == () and hasattr(value, "item")  # NumPy's
        if is_scalar:
            return self.encode(value.item(), at)
        write = _parquet_writer(value, at)
        if write is not None:
            return self._table(write, at)
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise _ContractError(
            "USER_JOB_OUTPUT_INVALID",
            f"{at} is a {kind}, which JSON cannot hold: return numbers, text, lists, dictionaries, tables or "
            "evertrain.File(path)",
        )

    def _float(self, value: float, at: str) -> float:
        if not math.isfinite(value):
            raise _NotFinite(f"{at} is {value}: JSON holds finite numbers only")
        return float(value)

    def _key(self, key: Any, at: str) -> str:
        if isinstance(key, str):
            return key
        if isinstance(key, enum.Enum) and isinstance(key.value, str):
            return key.value
        number = key.item() if hasattr(key, "item") else key
        if isinstance(number, int):
            return str(number)
        raise _ContractError("USER_JOB_OUTPUT_INVALID", f"{at} has the key {key!r}: keys are text or whole numbers")

    def _file(self, value: "File | Directory | Path", at: str) -> Any:
        self._where(at)
        path = (value if isinstance(value, Path) else Path(value.path)).resolve()
        if not path.exists():
            raise _ContractError("USER_JOB_OUTPUT_INVALID", f"{at} names {path}, which does not exist")
        if isinstance(value, Directory) or (isinstance(value, Path) and path.is_dir()):
            if not path.is_dir():
                raise _ContractError("USER_JOB_OUTPUT_INVALID", f"{at} names {path}, which is no directory")
            return {"$directory": str(path)}
        if path.is_dir():
            raise _ContractError("USER_JOB_OUTPUT_INVALID", f"{at} names the directory {path}: use evertrain.Directory")
        media_type = getattr(value, "media_type", None)
        return {"$file": str(path), **({} if media_type is None else {"mediaType": media_type})}

    def _table(self, write: Callable[[Path], None], at: str) -> Any:
        folder = self._where(at)
        folder.mkdir(parents=True, exist_ok=True)
        self._count += 1
        path = folder / f"{self._count}-{re.sub('[^A-Za-z0-9_-]+', '-', at)[-80:]}.parquet"
        write(path)
        return {"$file": str(path), "mediaType": _PARQUET}

    def _where(self, at: str) -> Path:
        if self._folder is None:
            raise TypeError(f"{at} must be small JSON facts, not files")
        return self._folder


def _parquet_writer(value: Any, at: str) -> "Callable[[Path], None] | None":
    """How to write a table or array as Parquet; None for anything else."""
    library = type(value).__module__.split(".")[0]
    kind = type(value).__name__
    if library == "polars" and kind == "DataFrame":
        return lambda path: value.write_parquet(path)
    if library == "pyarrow" and kind == "Table":
        return lambda path: _pyarrow("parquet", at).write_table(value, path)
    if library == "numpy" and kind == "ndarray":
        return lambda path: _pyarrow("parquet", at).write_table(_columns(value, at), path)
    if library == "pandas" and kind in ("DataFrame", "Series"):
        frame = value if kind == "DataFrame" else value.to_frame(value.name or "value")
        return lambda path: _write_pandas(frame, path, at)
    return None


def _write_pandas(frame: Any, path: Path, at: str) -> None:
    """The index is kept where it says something: where it has a name, or is no plain row number."""
    _pyarrow("parquet", at)
    keeps_index = any(name is not None for name in frame.index.names) or frame.index.dtype.kind not in "iu"
    frame = frame.rename(columns=str)
    frame.to_parquet(path, engine="pyarrow", index=keeps_index)


def _columns(array: Any, at: str) -> Any:
    if array.ndim > 2:
        raise _ContractError(
            "USER_JOB_OUTPUT_INVALID",
            f"{at} has {array.ndim} dimensions, a table two: numpy.save it and return evertrain.File(path)",
        )
    if array.ndim == 1:
        return _pyarrow("lib", at).table({"value": array})
    return _pyarrow("lib", at).table({f"column_{index}": array[:, index] for index in range(array.shape[1])})


def _pyarrow(module: str, at: str) -> Any:
    try:
        return importlib.import_module(f"pyarrow.{module}")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{at} is a table, which needs pyarrow to become Parquet: add it to the step's requirements file, or write "
            "a file and return evertrain.File(path)"
        ) from error


# --- Running the program ---------------------------------------------------------------------------------------------


class _Job:
    def __init__(self, document: Mapping[str, Any], channel: _Channel) -> None:
        self.document = document
        self.channel = channel
        self.context = Context(document, _decode(document["input"], document["artifacts"]), channel)
        self.fields: "dict[str, Any]" = {}
        name, separator, function = document["target"].rpartition(":")
        self.function = function if separator and function.isidentifier() else None
        self.script = Path(name if self.function else document["target"]).resolve()

    def write_output(self, value: Any) -> None:
        path = Path(self.document["outputPath"])
        encoded = _Encoder(path.with_suffix("")).encode(value, "output")
        text = json.dumps(encoded, allow_nan=False)
        draft = f"{path}.{os.getpid()}.draft"
        with open(draft, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)

    def run(self) -> int:
        """The exit code. What failed is told by a `failure` event, the traceback by standard error."""
        try:
            self._prepare()
            if self.function is None:
                runpy.run_path(str(self.script), run_name="__main__")
            else:
                self.write_output(self._call(self.function))
        except SystemExit as leave:
            return self._left(leave)
        except KeyboardInterrupt:
            return 130
        except BaseException as error:  # noqa: BLE001 - whatever user code raises ends the job here
            self._failed(error)
            return 1
        return 0

    def _prepare(self) -> None:
        folder = str(self.script.parent)
        sys.argv = [str(self.script)]
        sys.path.insert(0, folder)
        _load_from_source(folder)
        preload(third_party_imports([self.script]))
        _seed(self.context.seed)
        if self.document.get("mlflow"):
            capture_mlflow()

    def _call(self, name: str) -> Any:
        module = _load(self.script)
        function = getattr(module, name, None)
        if not callable(function):
            own = (item for item in vars(module).values() if inspect.isfunction(item))
            names = sorted(item.__name__ for item in own if item.__module__ == module.__name__)
            raise _ContractError(
                "USER_STEP_NOT_IMPLEMENTED",
                f"{self.script.name} has no function {name!r}; it has {', '.join(names) or 'none'}",
            )
        positional, named = _arguments(function, name, self.context)
        _seed(self.context.seed)  # so that what the import drew does not count
        result = function(*positional, **named)
        if inspect.iscoroutine(result):
            import asyncio

            result = asyncio.run(result)
        is_object = result is None or isinstance(result, Mapping) or dataclasses.is_dataclass(result)
        if not is_object or isinstance(result, (Artifact, File, Directory)):
            raise _ContractError(
                "USER_JOB_OUTPUT_INVALID", f"{name} returned a {type(result).__name__}: return a dict or a dataclass"
            )
        return result

    def _left(self, leave: SystemExit) -> int:
        if leave.code is None or leave.code == 0:
            return 0
        code = leave.code if isinstance(leave.code, int) else 1
        if not isinstance(leave.code, int):
            print(leave.code, file=sys.stderr)
        self._tell("USER_JOB_FAILED", "SystemExit", f"exit({leave.code!r})", leave)
        return code & 0xFF or 1

    def _failed(self, error: BaseException) -> None:
        is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
        code = getattr(error, "evertrain_code", "SYSTEM_STORE_UNAVAILABLE" if is_full else "USER_JOB_FAILED")
        if not isinstance(error, _ContractError):
            traceback.print_exception(type(error), error, _without_own_frames(error.__traceback__))
        try:
            message = str(error)
        except Exception as broken:  # noqa: BLE001 - a __str__ of user code
            message = f"(its message cannot be shown: {broken!r})"
        self._tell(code, type(error).__name__, message, error)

    def _tell(self, code: str, kind: str, message: str, error: BaseException) -> None:
        place = None if isinstance(error, _ContractError) else self._place(error)
        where = {} if place is None else {"file": place[0], "line": place[1]}
        short = message if len(message) <= 4_000 else f"{message[:4_000]} …"
        self.channel.emit("failure", code=code, type=kind, message=short, **where)

    def _place(self, error: BaseException) -> "tuple[str, int] | None":
        """The innermost line in the script's folder; else the innermost outside this file."""
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            return _shown(error.filename), error.lineno
        frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        frames = [frame for frame in frames if frame[0] != __file__ and not frame[0].startswith("<")]
        folder = str(self.script.parent) + os.sep
        inside = [frame for frame in frames if frame[0].startswith(folder) and "site-packages" not in frame[0]]
        best = (inside or frames)[-1:]
        return (_shown(best[0][0]), best[0][1]) if best else None


def _shown(path: str) -> str:
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def _without_own_frames(tb: "types.TracebackType | None") -> "types.TracebackType | None":
    own = (__file__, runpy.__file__, "<frozen")
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(own):
        tb = tb.tb_next
    return tb


def _arguments(function: Callable[..., Any], name: str, context: Context) -> "tuple[list[Any], dict[str, Any]]":
    """The input's fields by keyword. USER_INPUT_INVALID where the function and the step's input do not fit."""
    parameters = inspect.signature(function).parameters.values()
    keyword = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    known = {p.name for p in keyword}
    value = {} if context.parameters is None else context.parameters
    fields = value if isinstance(value, dict) else {}
    extra = {"ctx": context, "input": context.parameters}
    named = {name: extra[name] for name in extra if name in known and name not in fields}
    if not isinstance(value, dict):
        takes_it = "input" not in named and any(p.name not in named for p in parameters)
        return ([value] if takes_it else []), named
    missing = [p.name for p in keyword if p.default is p.empty and p.name not in value and p.name not in named]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    unexpected = [] if takes_any else [key for key in value if key not in known]
    if "input" in named:
        named.update({key: value[key] for key in value if key in known})
        unexpected = []
    else:
        named.update({key: inner for key, inner in value.items() if takes_any or key in known})
    if not missing and not unexpected:
        return [], named
    faults = [f"needs {', '.join(missing)}"] if missing else []
    faults += [f"does not take {', '.join(unexpected)}"] if unexpected else []
    raise _ContractError(
        "USER_INPUT_INVALID",
        f"{name}{inspect.signature(function)} {' and '.join(faults)}, and the step's input has "
        f"{', '.join(value) or 'no fields'}: give the function those parameters (or **rest), or change the input",
    )


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Compiles the file as it is. Cached bytecode is matched by whole seconds and size: an edit may hide behind it."""

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _load_from_source(folder: str) -> None:
    extensions = (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES)
    sources = (_SourceLoader, importlib.machinery.SOURCE_SUFFIXES)

    prefixes = tuple(os.path.abspath(prefix) + os.sep for prefix in (sys.prefix, sys.base_prefix))

    def hook(path: str) -> Any:
        inside = (os.path.abspath(path) + os.sep).startswith(folder + os.sep)
        if not inside or (os.path.abspath(path) + os.sep).startswith(prefixes) or not os.path.isdir(path):
            raise ImportError
        return importlib.machinery.FileFinder(path, extensions, sources)

    sys.path_hooks.insert(0, hook)
    for path in [known for known in sys.path_importer_cache if known == folder or known.startswith(folder + os.sep)]:
        del sys.path_importer_cache[path]


def _load(script: Path) -> types.ModuleType:
    """The script as a module of its own name (so that what it pickles is found beside it), unless that is taken."""
    is_free = script.stem.isidentifier() and script.stem not in sys.modules
    name = script.stem if is_free else f"evertrain_job_{script.stem}"
    spec = importlib.util.spec_from_file_location(name, script, loader=_SourceLoader(name, str(script)))
    if spec is None or spec.loader is None:
        raise _ContractError("USER_FILE_NOT_FOUND", f"{script} cannot be loaded as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "random"):
        numpy.random.seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "manual_seed"):
        torch.manual_seed(seed)


# --- Imports that jobs share -----------------------------------------------------------------------------------------

#: Not imported ahead: these start threads or open devices on import, which a fork does not survive.
_NEVER_PRELOADED = {"tensorflow", "jax", "cupy", "cudf", "cuml", "pycuda", "ray", "grpc", "pyspark"}


def third_party_imports(scripts: "list[Path]") -> "list[tuple[str, str | None]]":
    """What the scripts, and the local modules that they import, import at their top level from elsewhere.

    Pairs of a module and a name imported from it, in order of appearance.
    """
    found: "dict[tuple[str, str | None], None]" = {}
    waiting = [path.resolve() for path in scripts]
    seen: "set[Path]" = set()
    while waiting and len(seen) < 500:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            imports = _imports_of(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for module, name, level in imports:
            local = _local_files(path.parent, module, level, name)
            if local or level:
                waiting.extend(local)
                continue
            top = module.split(".")[0]
            if top != "evertrain" and _is_installed(top):
                found[(module, name)] = None
    return list(found)


@functools.cache
def _is_installed(module: str) -> bool:
    """Whether it comes from an installed package. Code under edit (an editable install, PYTHONPATH) does not."""
    if module in sys.stdlib_module_names:
        return False
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return False
    places = [] if spec is None else [spec.origin or "", *(spec.submodule_search_locations or [])]
    return any("site-packages" in place or "dist-packages" in place for place in places)


@functools.cache
def _imports_of(source: bytes) -> "list[tuple[str, str | None, int]]":
    """Kept by content: a forked job looks through the files that its host has looked through."""
    return list(_top_level_imports(ast.parse(source)))


def _top_level_imports(tree: ast.AST) -> "Iterator[tuple[str, str | None, int]]":
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None, 0
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.module or "", alias.name, node.level
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _top_level_imports(node)


def _local_files(folder: Path, module: str, level: int, name: "str | None") -> "list[Path]":
    for _ in range(level - 1):
        folder = folder.parent
    base = folder.joinpath(*module.split(".")) if module else folder
    candidates = [base.with_suffix(".py") if module else base, base / "__init__.py"]
    candidates += [base / f"{name}.py"] if name else []
    return [path for path in candidates if path.is_file()]


def preload(modules: "list[tuple[str, str | None]]") -> None:
    """Imports modules; one that fails is left to the program, which then says why."""
    for module, name in modules:
        if module.split(".")[0] in _NEVER_PRELOADED:
            continue
        with contextlib.suppress(BaseException):
            loaded = importlib.import_module(module)
            if name is not None and name != "*" and not hasattr(loaded, name):
                importlib.import_module(f"{module}.{name}")


# --- MLflow ----------------------------------------------------------------------------------------------------------


def _capture_mlflow(context: Context) -> None:
    global _has_captured
    _has_captured = True
    try:
        mlflow: Any = importlib.import_module("mlflow")
    except ModuleNotFoundError:
        mlflow = _mlflow_stand_in()
        sys.modules["mlflow"] = mlflow

    def metric(key: str, value: Any, step: "int | None" = None, *_: Any, **__: Any) -> None:
        try:
            context.metric(key, value, at=step)
        except _NotFinite as error:
            context.log.warning("mlflow: %s; left out", error)

    def metrics(metrics: "Mapping[str, Any]", step: "int | None" = None, *_: Any, **__: Any) -> None:
        for key, value in metrics.items():
            metric(key, value, step)

    def param(key: str, value: Any, *_: Any, **__: Any) -> None:
        context.log.info("mlflow: parameter %s = %r", key, value)

    def params(params: "Mapping[str, Any]", *_: Any, **__: Any) -> None:
        for key, value in params.items():
            param(key, value)

    captured: "dict[str, Callable[..., None]]" = {
        "log_metric": metric,
        "log_metrics": metrics,
        "log_param": param,
        "log_params": params,
    }
    for name, tell in captured.items():
        setattr(mlflow, name, _both(tell, getattr(mlflow, name)))


def _both(tell: Callable[..., None], original: Callable[..., Any]) -> Callable[..., Any]:
    if getattr(original, "evertrain_captured", False):
        return original

    def captured(*args: Any, **kwargs: Any) -> Any:
        tell(*args, **kwargs)
        return original(*args, **kwargs)

    captured.evertrain_captured = True  # type: ignore[attr-defined]
    return captured


def _mlflow_stand_in() -> types.ModuleType:
    module: Any = types.ModuleType("mlflow", "Takes the usual calls of MLflow, which is not installed; stores nothing.")

    class ActiveRun(contextlib.nullcontext):  # type: ignore[type-arg]
        info = types.SimpleNamespace(run_id="evertrain")

        def __enter__(self) -> "ActiveRun":
            return self

    def nothing(*_: Any, **__: Any) -> None:
        return None

    logs = "log_metric log_metrics log_param log_params"
    for name in f"{logs} set_tag set_tags set_experiment set_tracking_uri end_run autolog".split():
        setattr(module, name, nothing)
    module.start_run = lambda *_, **__: ActiveRun()
    module.__spec__ = importlib.machinery.ModuleSpec("mlflow", None)

    def missing(name: str) -> NoReturn:
        raise AttributeError(f"mlflow is not installed, and its stand-in has no {name!r}: add it to the requirements")

    module.__getattr__ = missing
    return cast(types.ModuleType, module)


# --- The process -----------------------------------------------------------------------------------------------------

_job: "_Job | None" = None
_has_captured = False


def _running() -> _Job:
    if _job is not None:
        return _job
    if "EVERTRAIN_JOB" not in os.environ:
        raise RuntimeError(
            "this program does not run as an Evertrain step: start it through a pipeline, or by "
            "`npx evertrain step run <step> --input …`"
        )
    # A command's own Python program.
    return _open_job(os.environ["EVERTRAIN_JOB"], _ack_from_stdin())


def run_job(document_path: str, ack: "int | None") -> int:
    """Runs the job of a document in this process, whose standard streams are the worker's; gives the exit code."""
    with contextlib.suppress(Exception):
        faulthandler.enable(2)
    return _open_job(document_path, ack).run()


def _open_job(document_path: str, ack: "int | None") -> _Job:
    global _job
    sys.stdout = stdout = _Stdout(open(1, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True)
    sys.stderr = io.TextIOWrapper(open(2, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True)
    with open(document_path, encoding="utf-8") as file:
        document = json.load(file)
    _job = _Job(document, _Channel(stdout, ack))
    return _job


def _ack_from_stdin() -> "int | None":
    """The worker answers checkpoints on standard input; the program itself shall find that empty."""
    if os.environ.pop("EVERTRAIN_ACK", None) != "stdin":
        return None
    ack = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return ack


def leaves_process() -> bool:
    """Whether another job may come after this one: its document says so, and it has not changed MLflow."""
    return _running().document.get("reuse") is True and not _has_captured


def leave() -> None:
    """Lets go of the worker's streams."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    _running().channel.close()


def finish() -> None:
    """What the interpreter does at its end, for a forked process that leaves by `os._exit`."""
    for end in (getattr(threading, "_shutdown", None), getattr(atexit, "_run_exitfuncs", None)):
        with contextlib.suppress(BaseException):
            if end is not None:
                end()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()


def die_with(parent: int) -> None:
    """Has the kernel kill this process when its parent dies (Linux); ends it when the parent is gone already."""
    prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def prctl(option: int, value: int) -> bool:
    """Calls Linux's prctl; False where there is none."""
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)


def _main() -> int:
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == "host":
        import evertrain_host

        return evertrain_host.main(sys.argv[2:])
    if command != "job" or "EVERTRAIN_JOB" not in os.environ:
        print("Runs jobs of Evertrain's worker: EVERTRAIN_JOB=<document> python evertrain.py job", file=sys.stderr)
        return 2
    guardian = os.environ.pop("EVERTRAIN_GUARDIAN", None)
    if guardian is not None:
        die_with(int(guardian))
    return run_job(os.environ["EVERTRAIN_JOB"], _ack_from_stdin())


if __name__ == "__main__":
    # The program imports this file as `evertrain`: it must find the module that holds the running job. The folder goes
    # last on the path, so that nothing beside this file hides a module of the program.
    sys.path.append(sys.path.pop(0))
    sys.modules["evertrain"] = importlib.import_module("evertrain")
    sys.exit(sys.modules["evertrain"]._main())
