"""Inside the sandbox: the snapshot from which SnapStart restores environments.

A script, started by snapshots.py instead of `python -m awslambdaric`. It runs the real runtime
client; where that asks for its restore (GET /runtime/restore/next), the process becomes a template:
each order on the control socket forks it, and the copy continues as an environment restored from
the snapshot, with its own variables, output pipe and Runtime API.

    order   {"variables": {...}}, with the output pipe as a passed file descriptor
    news    {"snapshot": true}, {"forked": PID}, {"exited": PID, "status": STATUS}
"""

import ctypes
import importlib
import json
import os
import random
import runpy
import signal
import socket
import sys

CONTROL_VARIABLE = "_LAMBAKE_SNAPSHOT_SOCKET"
_ORDER_BYTES = 65536
_PR_SET_PDEATHSIG = 1


def tell(control: socket.socket, news: dict[str, object]) -> None:
    """Send one line to the emulator."""
    control.sendall(json.dumps(news).encode() + b"\n")


def reap(control: socket.socket) -> None:
    """Report which copies have ended, and how."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        tell(control, {"exited": pid, "status": os.waitstatus_to_exitcode(status)})


def serve(control: socket.socket) -> None:
    """Fork on every order. Returns only in the copies; the template ends with its socket."""
    signal.signal(signal.SIGCHLD, lambda _number, _frame: reap(control))
    tell(control, {"snapshot": True})
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, _ORDER_BYTES, 1)
        if not data:
            os._exit(0)
        # A copy's end must not be reported before its start: the emulator would not know it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        # Python seeds random anew in each fork; the copies of a snapshot share its state.
        numbers = random.getstate()
        pid = os.fork()
        if pid == 0:
            random.setstate(numbers)
            become_environment(control, json.loads(data)["variables"], descriptors[0])
            return
        os.close(descriptors[0])
        tell(control, {"forked": pid})
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})


def become_environment(control: socket.socket, variables: dict[str, str], output: int) -> None:
    """Turn a copy of the template into an environment of its own."""
    control.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.setsid()
    if sys.platform == "linux":
        # If the template is killed, its copies end with it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.update(variables)


def main() -> None:
    """Run the runtime client, with the template in place of its wait for the restore."""
    control = socket.socket(fileno=int(os.environ.pop(CONTROL_VARIABLE)))
    # As with `python -m`: the current folder first, not this script's.
    sys.path[0] = os.getcwd()

    # The C++ half of the client reads the Runtime API's address once, when it is loaded: so each
    # copy loads its own, and the template none.
    sys.modules["runtime_client"] = None  # type: ignore[assignment]
    from awslambdaric import lambda_runtime_client as client

    ask = client.BaseLambdaRuntimeClient.restore_next

    def restore_next(self: client.BaseLambdaRuntimeClient) -> None:
        serve(control)
        del sys.modules["runtime_client"]
        client.runtime_client = importlib.import_module("runtime_client")
        client.runtime_client.initialize_client(client._user_agent())
        self.lambda_runtime_address = os.environ["AWS_LAMBDA_RUNTIME_API"]
        ask(self)

    client.BaseLambdaRuntimeClient.restore_next = restore_next
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
