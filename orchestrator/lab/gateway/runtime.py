"""The lab's Lambda runtime for Python: packed beside a function's code, calls its handler, reports the outcome.

AWS has the same part (the runtime interface client). Without it the emulator's worker ends at every raised error,
waits 50 ms for output after a silent call, and knows neither error types nor the handler's own duration.
Stdlib only; runs inside the emulator's worker, never imported by the lab.
"""

import contextlib
import importlib
import io
import json
import os
import sys
import time
import traceback

_loaded = {}


class Context:
    """What Lambda gives a handler beside the event."""

    def __init__(self, told):
        self.function_name = told["function_name"]
        self.function_version = told["function_version"]
        self.invoked_function_arn = told["invoked_function_arn"]
        self.memory_limit_in_mb = told["memory_limit_in_mb"]
        self.aws_request_id = told["aws_request_id"]
        self.log_group_name = "/aws/lambda/" + self.function_name
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self.identity = None
        self.client_context = None
        self._deadline = time.monotonic() + told["timeout"]

    def get_remaining_time_in_millis(self):
        """Milliseconds until the function's timeout."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def serve(envelope, _context):
    """Run one invocation; the reply says payload or error, milliseconds, and what was printed."""
    told = envelope["context"]
    printed = io.StringIO()
    reply = {}
    started = time.perf_counter()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            handler = _handler(told["handler"])
            started = time.perf_counter()
            reply["payload"] = _plain(handler(envelope["event"], Context(told)))
        except BaseException as error:  # noqa: BLE001 - SystemExit too ends an invocation, not the worker
            reply["error"] = _described(error)
    reply["duration"] = (time.perf_counter() - started) * 1000
    reply["log"] = printed.getvalue()
    # The emulator stops waiting for output 5 ms after the first line, or 50 ms when there is none.
    sys.stderr.write(reply["log"] or "-\n")
    sys.stderr.flush()
    return reply


def _handler(path):
    if path not in _loaded:
        module, _, name = path.rpartition(".")
        _loaded[path] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return _loaded[path]


def _plain(value):
    return json.loads(json.dumps(value))


def _described(error):
    frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    kind = type(error).__name__
    if isinstance(error, ImportError) and not _loaded:
        kind = "Runtime.ImportModuleError"
    return {"errorMessage": str(error), "errorType": kind, "requestId": "", "stackTrace": frames}
