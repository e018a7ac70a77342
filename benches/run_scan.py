#!/usr/bin/env python3
"""What it costs to look inside a tree of small files, and what is found: `kuzet scan` beside `cat`, `find` and clamscan.

    python3 benches/run_scan.py KUZET TREE TSV [ROUNDS]

TREE and TSV are a tree of files and the list of what was planted in it, with lines of path, kind, whether it is valid, value (made by
the generator of the acceptance tests: `kzgen tree TREE TSV 50000 9`). Times are user and system of a process and all that it waited
for, the median of ROUNDS in which one runs after the other; the files are read once before. clamscan runs once where it is installed, with a database of one
signature that hits nothing, so that only its looking for structured data is paid for.
"""

import collections
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

NAMES = {"iin": "iin", "idcard": "id_card", "iban": "iban", "card": "card", "phone": "phone", "email": "email", "name": "person_name"}


def run(command):
    """Seconds on a processor and on the wall."""
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    _, _, used = os.wait4(child.pid, 0)
    return used.ru_utime + used.ru_stime, time.monotonic() - begun


def main():
    kuzet, tree, truth = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    files = sum(len(names) for _, _, names in os.walk(tree))
    every = f"find '{tree}' -type f -print0 | xargs -0 cat"
    run(["sh", "-c", every])
    cat, scan, clam = "cat of every file", "kuzet scan", "clamscan, structured data"
    commands = {
        "find": ["find", tree, "-type", "f"],
        cat: ["sh", "-c", every],
        scan: [kuzet, "--config", "/nonexistent", "scan", "--json", tree],
    }
    base = tempfile.mkdtemp()
    if shutil.which("clamscan"):
        with open(os.path.join(base, "none.hdb"), "w") as signature:
            signature.write("00000000000000000000000000000001:1234567:None\n")
        structured = ["--detect-structured=yes", "--structured-cc-count=1", "--structured-ssn-count=1000000", "--no-summary"]
        commands[clam] = ["clamscan", "-r", "-d", base, *structured, tree]
    taken = {name: [] for name in commands}
    for turn in range(rounds):
        for name, command in commands.items():
            # It takes minutes: once is enough.
            if name != clam or turn == 0:
                taken[name].append(run(command))
                print(f"{name}: {taken[name][-1][0]:.2f} s", file=sys.stderr, flush=True)
    shutil.rmtree(base)
    print(f"| {files} files | CPU, s | wall, s | files per CPU-second | times cat of the same round |")
    print("|---|---|---|---|---|")
    for name, turns in taken.items():
        cpu, wall = (statistics.median(turn[column] for turn in turns) for column in (0, 1))
        times = statistics.median(turn[0] / other[0] for turn, other in zip(turns, taken[cat]))
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {files / cpu:,.0f} | {times:.2f} |")
    told = subprocess.run([kuzet, "--config", "/nonexistent", "scan", "--json", tree], capture_output=True, check=False)
    told = json.loads(told.stdout)
    values = {one["kind"]: one["values"] for one in told["kinds"]}
    planted, near = collections.Counter(), collections.Counter()
    with open(truth) as lines:
        for line in lines:
            _, kind, valid, _ = line.rstrip("\n").split("\t", 3)
            (planted if valid == "1" else near)[kind] += 1
    print("\n| kind | planted | told | nearly valid ones planted |\n|---|---|---|---|")
    for kind, name in NAMES.items():
        print(f"| {name} | {planted[kind]} | {values.get(name, 0)} | {near[kind]} |")
    counts = {key: told[key] for key in ("files", "inspected", "partly", "not_inspected", "unreadable")}
    print("\n", counts, {one["why"]: one["files"] for one in told["missed"]})


main()
