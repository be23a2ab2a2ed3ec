"""A function that does what its event says, well or badly."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

CALLS = 0
HOLD: list[object] = []


def handler(event: Any, context: Any) -> Any:
    """Do one of the acts below, named by the event's "do"."""
    global CALLS
    CALLS += 1
    if not isinstance(event, dict) or "do" not in event:
        return event
    return ACTS[event["do"]](event, context)


def who(_event: Any, context: Any) -> Any:
    """Tell everything the runtime was told."""
    client = context.client_context
    return {
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "left_ms": context.get_remaining_time_in_millis(),
        "stream": context.log_stream_name,
        "group": context.log_group_name,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "client": client.custom if client else None,
        "calls": CALLS,
        "pid": os.getpid(),
    }


def fail(event: Any, _context: Any) -> Any:
    """Raise."""
    raise ValueError(event.get("message", "no"))


def wait(event: Any, _context: Any) -> Any:
    """Take a while."""
    time.sleep(event["seconds"])
    return {"pid": os.getpid(), "tag": event.get("tag")}


def hold(event: Any, _context: Any) -> Any:
    """Work until there is a file."""
    while not Path(event["until"]).exists():
        time.sleep(0.01)
    return {"tag": event.get("tag")}


def leave(event: Any, _context: Any) -> Any:
    """End the process with a status, without a word to the runtime client."""
    os._exit(event["status"])


def sys_exit(event: Any, _context: Any) -> Any:
    """End the process the polite way."""
    sys.exit(event["status"])


def die(event: Any, _context: Any) -> Any:
    """Be killed by a signal."""
    if event["signal"] == "SEGV":
        ctypes.string_at(0)
    os.kill(os.getpid(), getattr(signal, "SIG" + event["signal"]))
    time.sleep(10)


def stop(_event: Any, _context: Any) -> Any:
    """Stop without ending."""
    os.kill(os.getpid(), signal.SIGSTOP)


def fill(event: Any, _context: Any) -> Any:
    """Use memory, and keep it if asked to."""
    block = bytearray(event["mb"] * 1024 * 1024)
    for i in range(0, len(block), 4096):
        block[i] = 1
    if event.get("keep"):
        HOLD.append(block)
    time.sleep(event.get("seconds", 0))
    return len(block)


def fill_child(event: Any, _context: Any) -> Any:
    """Let a child process use memory."""
    code = f"b = bytearray({event['mb']} * 1024 * 1024); import time; time.sleep(20)"
    subprocess.run([sys.executable, "-c", code], check=False)


def talk(event: Any, _context: Any) -> Any:
    """Write to stdout and stderr."""
    for _ in range(event.get("times", 1)):
        sys.stdout.write(event["text"])
    sys.stdout.flush()
    if "error" in event:
        sys.stderr.write(event["error"])
    return None


def answer(event: Any, _context: Any) -> Any:
    """Answer with a string of a size such that the JSON of it has the size asked for."""
    return "x" * (event["bytes"] - 2)


def variables(_event: Any, _context: Any) -> Any:
    """Tell the environment variables."""
    return dict(os.environ)


def write(event: Any, _context: Any) -> Any:
    """Write a file in the temporary folder, or elsewhere."""
    folder = Path(event.get("folder") or os.environ.get("TMPDIR", "/tmp"))
    try:
        (folder / event["name"]).write_bytes(b"x" * event.get("bytes", 1))
    except OSError as exc:
        return {"error": type(exc).__name__, "errno": exc.errno}
    return {"folder": str(folder)}


def files(_event: Any, _context: Any) -> Any:
    """Tell what lies in the temporary folder."""
    return sorted(os.listdir(os.environ.get("TMPDIR", "/tmp")))


def place(_event: Any, _context: Any) -> Any:
    """Tell the user, the group, the folder, how much the temporary one holds, and how many
    processes there may be.
    """
    found = os.statvfs(os.environ.get("TMPDIR", "/tmp"))
    return {
        "user": os.getuid(),
        "leads_its_group": os.getpgid(0) == os.getpid(),
        "folder": os.getcwd(),
        "tmp_mb": found.f_blocks * found.f_frsize // 2**20,
        "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0],
    }


def trap(event: Any, _context: Any) -> Any:
    """Ignore SIGTERM, and leave a child of the group that writes into a file when it comes."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    script = 'trap "echo TERM > $0" TERM; echo ready; while :; do sleep 0.02; done'
    command = ["/bin/sh", "-c", script, event["file"]]
    # A shell cannot trap what was ignored when it started.
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    )
    HOLD.append(child)
    return child.stdout.readline().decode() if child.stdout else None


def open_many(event: Any, _context: Any) -> Any:
    """Open files until there are no more descriptors, or as many as asked for."""
    opened = []
    try:
        for _ in range(event["count"]):
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as exc:
        if event.get("keep"):
            raise
        count = len(opened)
        for descriptor in opened:
            os.close(descriptor)
        return {"errno": exc.errno, "opened": count}
    return {"opened": len(opened)}


def leave_child(event: Any, _context: Any) -> Any:
    """Start a child that outlives the call, in its own session if asked to."""
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        start_new_session=bool(event.get("daemon")),
    )
    HOLD.append(child)
    return {"pid": child.pid}


def double_fork(_event: Any, _context: Any) -> Any:
    """Become the parent of a daemon, the old way."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        pid = os.fork()
        if pid == 0:
            time.sleep(600)
            os._exit(0)
        os.write(writer, str(pid).encode())
        os._exit(0)
    os.wait()
    return {"pid": int(os.read(reader, 32))}


def tick(_event: Any, _context: Any) -> Any:
    """Leave a thread running that counts."""
    counts = [0]

    def count() -> None:
        while True:
            counts[0] += 1
            time.sleep(0.01)

    HOLD.append(counts)
    threading.Thread(target=count, daemon=True).start()
    return counts[0]


def ticks(_event: Any, _context: Any) -> Any:
    """Tell how far the thread of `tick` came."""
    counts = HOLD[-1]
    return counts[0] if isinstance(counts, list) else None


def shared_memory(_event: Any, _context: Any) -> Any:
    """Try what needs /dev/shm."""
    import multiprocessing

    try:
        multiprocessing.Lock()
    except OSError as exc:
        return {"errno": exc.errno}
    return {"errno": None}


ACTS = {
    "who": who,
    "fail": fail,
    "wait": wait,
    "hold": hold,
    "leave": leave,
    "sys_exit": sys_exit,
    "die": die,
    "stop": stop,
    "fill": fill,
    "fill_child": fill_child,
    "talk": talk,
    "answer": answer,
    "variables": variables,
    "write": write,
    "files": files,
    "place": place,
    "trap": trap,
    "open_many": open_many,
    "leave_child": leave_child,
    "double_fork": double_fork,
    "tick": tick,
    "ticks": ticks,
    "shared_memory": shared_memory,
}
