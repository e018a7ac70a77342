#!/usr/bin/env python3
"""Measures the classifier against its peers: CPU seconds, interleaved, medians of ratios.

    python3 benches/run_classify.py FOLDER [ROUNDS]

Builds `kuzet-corpus`, makes the corpora in FOLDER if they are not there (0.6 GB), compiles benches/vectorscan.c, and
prints the table that a dated file under benches/runs/ keeps. Needs libvectorscan-dev, ripgrep, gcc. Every round runs
each program once, one after the other, so that all see the same machine; the ratio of a round is of its own runs.
CPU seconds are user and system time of the child (getrusage).
"""

import os
import resource
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
CORPUS = os.path.join(TARGET, "release", "kuzet-corpus")


def cpu(command):
    """CPU seconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def prepare(folder):
    """Programs and corpora."""
    subprocess.run(["cargo", "build", "--release", "--offline", "-q", "-p", "kuzet-corpus"], cwd=ROOT, check=True)
    os.makedirs(folder, exist_ok=True)
    peer = os.path.join(folder, "vectorscan")
    subprocess.run(["gcc", "-O2", os.path.join(HERE, "vectorscan.c"), "-lhs", "-o", peer], check=True)
    for name, gap, seed in (("low", "1048576", "3"), ("high", "1024", "2")):
        text = os.path.join(folder, name + ".txt")
        if not os.path.exists(text):
            subprocess.run([CORPUS, "text", text, text[:-3] + "tsv", "256", gap, seed], check=True)
        with open(text, "rb") as file:  # into the page cache
            while file.read(1 << 20):
                pass
    return peer


def main():
    folder = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 9
    peer = prepare(folder)
    low, high = os.path.join(folder, "low.txt"), os.path.join(folder, "high.txt")
    patterns = os.path.join(HERE, "patterns.txt")
    programs = {
        "kuzet, 7 structured kinds": [CORPUS, "scan", low],
        "wc -l": ["wc", "-l", low],
        "cat": ["cat", low],
        "vectorscan, 7 patterns": [peer, low],
        "ripgrep, 7 patterns (ASCII-tuned)": ["rg", "-a", "-o", "-j1", "-f", patterns, low],
        "kuzet, 7 structured kinds, 1 per KB": [CORPUS, "scan", high],
        "kuzet, all kinds": [CORPUS, "scan", low, "all"],
    }
    times = {name: [] for name in programs}
    for _ in range(rounds):
        for name, command in programs.items():
            times[name].append(cpu(command))
    size = os.path.getsize(low) / 1e6
    own = times["kuzet, 7 structured kinds"]
    print(f"rounds: {rounds}; {size:.0f} MB; CPU seconds\n")
    print("| program | median | min | max | MB per CPU second | times the structured scan (median of rounds) |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, seconds in times.items():
        ratio = statistics.median(one / two for one, two in zip(seconds, own))
        middle = statistics.median(seconds)
        print(f"| {name} | {middle:.3f} | {min(seconds):.3f} | {max(seconds):.3f} | {size / middle:.0f} | {ratio:.2f} |")
    against = statistics.median(two / one for one, two in zip(times["wc -l"], own))
    print(f"\nstructured scan = {against:.2f} x `wc -l` (median of rounds)")
    count = 20_000_000
    each = statistics.median(cpu([CORPUS, "identify", str(count)]) for _ in range(3)) / count * 1e9
    print(f"identify, one value without a column: {each:.0f} ns (IIN, IBAN, phone, a word in turn)")
    for name in ("low", "high"):
        print(f"\n{name}:\n", flush=True)
        subprocess.run([CORPUS, "quality", os.path.join(folder, name + ".txt"), os.path.join(folder, name + ".tsv")], check=True)


if __name__ == "__main__":
    main()
