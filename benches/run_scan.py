#!/usr/bin/env python3
"""What it costs to look inside a tree of small files, and what is found: `kuzet scan` beside `cat`, `find` and clamscan.

    python3 benches/run_scan.py KUZET TREE TSV [ROUNDS]

TREE and TSV are a tree of files and the list of what was planted in it, with lines of path, kind, whether it is valid, value (made by
the generator of the acceptance tests: `kzgen tree TREE TSV 50000 9`). Times are user and system of a process and all that it waited
for, the median of ROUNDS; the files are read once before. clamscan runs once where it is installed, with a database of one
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


def run(command, rounds, output=subprocess.DEVNULL):
    """Median seconds on a processor, on the wall, and the most memory of one process in megabytes."""
    spent, waited, most = [], [], 0
    for _ in range(rounds):
        begun = time.monotonic()
        child = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        _, _, used = os.wait4(child.pid, 0)
        waited.append(time.monotonic() - begun)
        spent.append(used.ru_utime + used.ru_stime)
        most = max(most, used.ru_maxrss / 1024)
    return statistics.median(spent), statistics.median(waited), most


def main():
    kuzet, tree, truth = sys.argv[1:4]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    files = sum(len(names) for _, _, names in os.walk(tree))
    every = f"find '{tree}' -type f -print0 | xargs -0 cat"
    run(["sh", "-c", every], 1)
    rows = []
    commands = [
        ("find", ["find", tree, "-type", "f"], rounds),
        ("cat of every file", ["sh", "-c", every], rounds),
        ("kuzet scan", [kuzet, "--config", "/nonexistent", "scan", "--json", tree], rounds),
    ]
    base = tempfile.mkdtemp()
    if shutil.which("clamscan"):
        with open(os.path.join(base, "none.hdb"), "w") as signature:
            signature.write("00000000000000000000000000000001:1234567:None\n")
        structured = ["--detect-structured=yes", "--structured-cc-count=1", "--structured-ssn-count=1000000", "--no-summary"]
        commands.append(("clamscan, structured data", ["clamscan", "-r", "-d", base, *structured, tree], 1))
    for name, command, times in commands:
        rows.append((name, *run(command, times)))
        print(f"{name}: {rows[-1][1]:.2f} s", file=sys.stderr, flush=True)
    shutil.rmtree(base)
    cat = next(cpu for name, cpu, _, _ in rows if name.startswith("cat"))
    print(f"| {files} files | CPU, s | wall, s | files per CPU-second | times cat | memory, MB |")
    print("|---|---|---|---|---|---|")
    for name, cpu, wall, memory in rows:
        print(f"| {name} | {cpu:.2f} | {wall:.2f} | {files / cpu:,.0f} | {cpu / cat:.2f} | {memory:.1f} |")
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
