#!/usr/bin/env python3
"""What the sensor costs by each of its means: idle, and with 4,000 open sockets of which some send every second.

usage: run_sensor.py KUZET [SECONDS]     (root; makes a network namespace of its own)
CPU is the time on a processor of the sensor's process (/proc/PID/schedstat); what the kernel program costs whoever sends is
not in it.
"""
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time

SOCKETS = 4000
SENDING = 50


def cpu(pid):
    return int(open(f"/proc/{pid}/schedstat").read().split()[0]) / 1e9


def sensor(binary, means, out):
    child = subprocess.Popen([binary, "sensor", "--means", means], stdout=out)
    while b'"sight"' not in open(out.name, "rb").read():
        time.sleep(0.05)
    time.sleep(2)
    return child


def share(child, seconds, each=lambda: None):
    before, begun = cpu(child.pid), time.monotonic()
    while time.monotonic() - begun < seconds:
        each()
        time.sleep(1)
    return 100 * (cpu(child.pid) - before) / (time.monotonic() - begun)


def flows(path, port):
    lines = [json.loads(line) for line in open(path) if line.endswith("\n")]
    return [line for line in lines if line["sensor"] == "flow" and line["remote"] and line["remote"][1] == port]


def main():
    if os.environ.get("KUZET_BENCH_NAMESPACE") is None:
        os.environ["KUZET_BENCH_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    binary, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    resource.setrlimit(resource.RLIMIT_NOFILE, (3 * SOCKETS, 3 * SOCKETS))
    print("| means | idle, % of a core | 4,000 open sockets, % of a core | told with program and exact bytes |")
    print("|---|---|---|---|")
    for means in ["bpf", "diag", "proc"]:
        with tempfile.NamedTemporaryFile() as out:
            child = sensor(binary, means, out)
            idle = share(child, seconds)
            listener = socket.create_server(("127.0.0.1", 0), backlog=SOCKETS)
            port = listener.getsockname()[1]
            pairs = []
            for _ in range(SOCKETS // 2):
                client = socket.create_connection(("127.0.0.1", port))
                pairs.append((client, listener.accept()[0]))
                client.sendall(b"x" * 100)
            time.sleep(3)
            sent = [100] * len(pairs)

            def send():
                for number in range(SENDING):
                    pairs[number][0].sendall(b"y" * 1000)
                    sent[number] += 1000

            busy = share(child, seconds, send)
            time.sleep(1.5)
            expected = {client.getsockname()[1]: count for (client, _), count in zip(pairs, sent)}
            for client, server in pairs:
                client.close()
                server.close()
            time.sleep(4)
            child.terminate()
            child.wait()
            closed = [flow for flow in flows(out.name, port) if flow["phase"] == "closed"]
            right = [
                flow
                for flow in closed
                if flow["process"]
                and flow["process"]["pid"] == os.getpid()
                and flow["sent"] in (None, expected[flow["local"][1]])
            ]
            print(f"| `{means}` | {idle:.2f} | {busy:.2f} | {len(right)} of {len(pairs)} |", flush=True)
            listener.close()


main()
