#!/usr/bin/env python3
"""Measures the whole path of connections, from the sensor's lines to committed incidents, beside a bare parser of JSON.

    python3 benches/run_flows.py FOLDER [ROUNDS [RECORDS]]

Makes a corpus of a sensor's lines in FOLDER – of twenty connections ten on this host, six to Kazakhstan, three abroad, one
refused, and a started program for every ten – builds the pipeline bench (release profile) and prints the table that a dated
file under benches/runs/ keeps. Figures are records per CPU second of one thread; rounds are interleaved.
"""

import datetime
import json
import os
import platform
import random
import statistics
import subprocess
import sys

from run_pipeline import ROOT, build, measured

BEGIN = 1_795_392_000_000_000
PROGRAMS = [("curl", "/usr/bin/curl", "deploy"), ("loan-core", "/opt/loan/loan-core", "app"), ("python3", "/usr/bin/python3.11", "app"),
            ("apt", "/usr/bin/apt-get", "root"), ("node_exporter", "/usr/bin/prometheus-node-exporter", "prometheus")]


def corpus(path, records):
    """Writes `records` lines."""
    draw = random.Random(7)
    processes = []
    for number in range(60):
        name, file, user = draw.choice(PROGRAMS)
        processes.append({"pid": 1000 + number, "parent": 900, "began": BEGIN - number * 1000, "name": name, "path": file,
                          "user": user, "login": None, "session": 900, "container": None, "parents": [["bash", 900], ["sshd", 702]]})
    with open(path, "w", encoding="ascii") as out:
        for number in range(records):
            at = BEGIN + number * 1_000
            process = draw.choice(processes)
            if number % 11 == 0:
                line = {"sensor": "exec", "at": at, "process": process}
            else:
                kind = number % 20
                remote = (["127.0.0.1", 5432] if kind < 10 else [f"2.72.{draw.randrange(200)}.{draw.randrange(250)}", 443] if kind < 16
                          else [f"88.198.{draw.randrange(200)}.{draw.randrange(250)}", 443])
                line = {"sensor": "flow", "at": at, "phase": "refused" if kind == 19 else "closed", "protocol": 6, "direction": "out",
                        "socket": f"{number:x}", "opened": at - 900, "sent": draw.randrange(200, 2_000), "received": draw.randrange(200, 90_000),
                        "local": ["127.0.0.1" if kind < 10 else "10.0.0.5", 20_000 + number % 40_000], "remote": remote,
                        "namespace": 4026531833, "process": process}
            out.write(json.dumps(line, separators=(",", ":")) + "\n")


def main():
    folder = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    records = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    bench = build()
    os.makedirs(folder, exist_ok=True)
    file = os.path.join(folder, f"sensor-{records}.log")
    if not os.path.exists(file):
        corpus(file, records)
    programs = {"sensor, whole path": [bench, "sensor", file], "sensor, decode only": [bench, "sensor", file, "decode"],
                "sensor, bare `serde_json`": [bench, "json", file]}
    figures = {name: [] for name in programs}
    memory = dict.fromkeys(programs, 0)
    for _ in range(rounds):
        for name, command in programs.items():
            figure, rss = measured(command)
            figures[name].append(figure)
            memory[name] = max(memory[name], rss)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{datetime.date.today()}, commit {commit}, {os.cpu_count()} CPUs {platform.machine()}, load average {load}; "
          f"{rounds} interleaved rounds, {records} lines of {os.path.getsize(file) // records} bytes\n")
    print("| program | records/CPU-s: median | min | max | goal | most RSS, MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in programs:
        one = figures[name]
        goal = "300,000" if name.endswith("whole path") else ""
        print(f"| {name} | {statistics.median(one):,.0f} | {min(one):,.0f} | {max(one):,.0f} | {goal} | {memory[name] / 1024:.1f} |")


if __name__ == "__main__":
    main()
