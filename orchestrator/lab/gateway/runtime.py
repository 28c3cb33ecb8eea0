"""The lab's Lambda runtime for Python: packed beside a function's code, calls its handler, reports the outcome.

AWS has the same part (the runtime interface client). Without it the emulator's worker ends at every raised error,
waits 50 ms for output after a silent call, runs one call at a time, and knows neither error types nor the handler's
own duration. Stdlib only; runs inside the emulator's worker, never imported by the lab.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, TextIO

_loaded: dict[str, Callable[[Any, Any], Any]] = {}
_loading = threading.Lock()


class Context:
    """What Lambda gives a handler beside the event."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Take what the gateway tells about the invocation."""
        self.function_name = told["function_name"]
        self.function_version = told["function_version"]
        self.invoked_function_arn = told["invoked_function_arn"]
        self.memory_limit_in_mb = told["memory_limit_in_mb"]
        self.aws_request_id = told["aws_request_id"]
        self.log_group_name = "/aws/lambda/" + told["function_name"]
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.identity = None
        self.client_context = None
        self._deadline = time.monotonic() + told["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class _Printed(io.TextIOBase):
    """Standard output that keeps the invocations of one batch apart, by thread."""

    def __init__(self, beyond: TextIO) -> None:
        self._beyond = beyond
        self._here = threading.local()

    def begin(self) -> None:
        self._here.text = io.StringIO()

    def end(self) -> str:
        text: str = self._here.text.getvalue()
        return text

    def write(self, text: str) -> int:
        place: TextIO = getattr(self._here, "text", self._beyond)
        return place.write(text)


def serve(envelope: dict[str, Any], context: Any) -> Any:
    """Run a batch of invocations side by side; each reply says payload or error, milliseconds, and what was printed.

    An event without the gateway's envelope, which the emulator made itself, goes to the handler as it is.
    """
    if "invocations" not in envelope:
        return _handler(importlib.import_module("_lab_handler").HANDLER)(envelope, context)
    batch = envelope["invocations"]
    replies: list[dict[str, Any]] = [{} for _ in batch]
    printed = _Printed(sys.stderr)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        threads = [
            threading.Thread(target=_run, args=(told, reply, printed), daemon=True)
            for told, reply in zip(batch, replies, strict=True)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for number, thread in enumerate(threads):
            seconds = batch[number]["timeout"]
            thread.join(max(0.0, began + seconds - time.monotonic()))
            if thread.is_alive():
                replies[number] = _timed_out(seconds)
    # The emulator stops waiting for output 5 ms after the first line, or 50 ms when there is none.
    sys.stderr.write("".join(reply["log"] for reply in replies) or "-\n")
    sys.stderr.flush()
    return replies


def _run(told: dict[str, Any], reply: dict[str, Any], printed: _Printed) -> None:
    printed.begin()
    started = time.perf_counter()
    try:
        handler = _handler(told["handler"])
        started = time.perf_counter()
        reply["payload"] = json.loads(json.dumps(handler(told["event"], Context(told))))
    except BaseException as error:  # noqa: BLE001 - SystemExit too ends an invocation, not the worker
        reply["error"] = _described(error)
        print(f"[ERROR] {type(error).__name__}: {error}\n{traceback.format_exc()}", end="")  # noqa: T201 - as AWS logs it
    reply["duration"] = (time.perf_counter() - started) * 1000
    reply["log"] = printed.end()


def _timed_out(seconds: int) -> dict[str, Any]:
    """A timeout as AWS reports it; unlike there, the handler's thread runs on until it ends by itself."""
    error = {"errorType": "Sandbox.Timedout", "errorMessage": f"Task timed out after {seconds}.00 seconds"}
    return {"error": error, "duration": seconds * 1000.0, "log": error["errorMessage"] + "\n"}


def _handler(path: str) -> Callable[[Any, Any], Any]:
    with _loading:
        if path not in _loaded:
            module, _, name = path.rpartition(".")
            _loaded[path] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return _loaded[path]


def _described(error: BaseException) -> dict[str, Any]:
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    kind = type(error).__name__
    if isinstance(error, ImportError) and not _loaded:
        kind = "Runtime.ImportModuleError"
    return {"errorMessage": str(error), "errorType": kind, "stackTrace": frames}
