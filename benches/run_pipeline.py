#!/usr/bin/env python3
"""Measures the whole path, from log files to committed incidents, beside bare parsers of the same files.

    python3 benches/run_pipeline.py FOLDER [ROUNDS [RECORDS]]

Builds `kuzet-corpus` and the pipeline bench (release profile), makes the corpora in FOLDER if they are not there, and
prints the table that a dated file under benches/runs/ keeps. Every round runs each program once, one after the other,
so that all see the same machine. Figures are records per CPU second: user and system time of the whole process
(getrusage) for `wc`, of the work for the others, which print it; one thread works. The state directory is on the disk
of the temporary folder (TMPDIR).
"""

import datetime
import os
import platform
import re
import resource
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
CONTENT = [os.path.join(ROOT, "tests", "scenarios", name) for name in ("catalogue.toml", "policy.toml")]
CORPORA = (
    ("csvlog", "postgresql_csvlog", "pgcsv", 1_000_000),
    ("jsonlog", "postgresql_jsonlog", "pgjson", 600_000),
    ("server_audit", "mariadb_server_audit", "maria", 1_000_000),
)


def build():
    """The corpus maker and the bench; gives the path of the bench."""
    subprocess.run(["cargo", "build", "--release", "--offline", "-q", "-p", "kuzet-corpus"], cwd=ROOT, check=True)
    bench = ["cargo", "bench", "--offline", "--bench", "pipeline", "--no-run"]
    told = subprocess.run(bench, cwd=ROOT, check=True, capture_output=True, text=True).stderr
    path = re.search(r"\((\S*pipeline-[0-9a-f]+)\)", told).group(1)
    return path if os.path.isabs(path) else os.path.join(ROOT, path)


def bare(file, lines):
    """Records a CPU second of `wc -l`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["wc", "-l", file], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return lines / (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def measured(command):
    """Records a CPU second and KiB of memory, as the bench prints them."""
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([0-9]+) records/s", told).group(1)), int(re.search(r"rss ([0-9]+)", told).group(1))


def main():
    folder = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    records = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
    bench = build()
    os.makedirs(folder, exist_ok=True)
    programs = {}
    for name, form, maker, goal in CORPORA:
        file = os.path.join(folder, f"{maker}-{records}.log")
        if not os.path.exists(file):
            corpus = os.path.join(TARGET, "release", "kuzet-corpus")
            subprocess.run([corpus, maker, file, str(records), "7"], check=True)
        with open(file, "rb") as content:  # counted, and into the page cache
            lines = sum(block.count(b"\n") for block in iter(lambda: content.read(1 << 20), b""))
        programs[f"{name}, catalogue and policy"] = (goal, lambda form=form, file=file: measured([bench, form, file, *CONTENT]))
        programs[f"{name}, guessed stores"] = (goal, lambda form=form, file=file: measured([bench, form, file]))
        programs[f"{name}, decode only"] = (None, lambda form=form, file=file: measured([bench, form, file, "decode"]))
        if name == "csvlog":
            programs["csvlog, bare `csv` crate"] = (None, lambda file=file: measured([bench, "csv", file]))
        programs[f"{name}, `wc -l`"] = (None, lambda file=file, lines=lines: (bare(file, lines), 0))
    figures = {name: [] for name in programs}
    memory = dict.fromkeys(programs, 0)
    for _ in range(rounds):
        for name, (_, run) in programs.items():
            figure, rss = run()
            figures[name].append(figure)
            memory[name] = max(memory[name], rss)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{datetime.date.today()}, commit {commit}, {os.cpu_count()} CPUs {platform.machine()}, load average {load}; "
          f"{rounds} interleaved rounds, {records} statements a corpus\n")
    print("| program | records/CPU-s: median | min | max | goal | most RSS, MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, (goal, _) in programs.items():
        one = figures[name]
        wanted = f"{goal:,}" if goal else ""
        rss = f"{memory[name] / 1024:.1f}" if memory[name] else ""
        print(f"| {name} | {statistics.median(one):,.0f} | {min(one):,.0f} | {max(one):,.0f} | {wanted} | {rss} |")


if __name__ == "__main__":
    main()
