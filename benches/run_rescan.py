#!/usr/bin/env python3
"""What another walk through a tree costs of which nothing was changed: the agent's inventory beside `find -newer`.

    python3 benches/run_rescan.py KUZET TREE [WALKS]

Runs the agent on TREE as its only folder until every file was looked into, then waits for WALKS more walks (one a minute, at least)
and prints how much time on a processor its thread of the inventory took for each, beside that of `find TREE -newer FILE` run as often.
Needs root or no rights at all: the tree is only read.
"""

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request



def processor(pid, thread):
    """Nanoseconds on a processor of the threads of this name."""
    spent = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        if open(f"/proc/{pid}/task/{task}/comm").read().strip() == thread:
            spent += int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0])
    return spent


def metric(port, name):
    """The value of a metric, or nothing while it has none."""
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    except OSError:
        return None
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return float(found.group(1)) if found else None


def walked(port, after, deadline):
    """Waits for the end of a walk later than `after`."""
    while time.monotonic() < deadline:
        at = metric(port, "kuzet_folder_walked_timestamp_seconds")
        if at and at > after:
            return at
        time.sleep(1)
    sys.exit("no walk came to its end")


def find(tree, than):
    """Seconds on a processor of one run."""
    child = subprocess.Popen(["find", tree, "-type", "f", "-newer", than], stdout=subprocess.DEVNULL)
    _, _, used = os.wait4(child.pid, 0)
    return used.ru_utime + used.ru_stime


def main():
    kuzet, tree = sys.argv[1:3]
    walks = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    base = tempfile.mkdtemp()
    os.chmod(base, 0o700)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = os.path.join(base, "kuzet.toml")
    with open(config, "w") as file:
        file.write(
            f'host = "bench"\nstate = "{base}/state"\n[[folder]]\nname = "tree"\npath = "{tree}"\n'
            f'[inventory]\nevery_minutes = 1\npolite = false\n[metrics]\nlisten = "127.0.0.1:{port}"\n'
        )
    os.chmod(config, 0o600)
    agent = subprocess.Popen([kuzet, "run", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        begun = time.monotonic()
        at = walked(port, 0, begun + 3600)
        print(f"first walk: {time.monotonic() - begun:.0f} s, {metric(port, 'kuzet_folder_files'):.0f} files", file=sys.stderr)
        # Another one in which what was handled meanwhile is known.
        at = walked(port, at, time.monotonic() + 300)
        ours, theirs = [], []
        for _ in range(walks):
            before = processor(agent.pid, "inventory")
            at = walked(port, at, time.monotonic() + 300)
            ours.append((processor(agent.pid, "inventory") - before) / 1e9)
            theirs.append(find(tree, config))
        resident = re.search(r"VmHWM:\s+(\d+)", open(f"/proc/{agent.pid}/status").read())
    finally:
        agent.terminate()
        agent.wait()
        shutil.rmtree(base)
    one, other = statistics.median(ours), statistics.median(theirs)
    print("| | CPU, s a walk (median) | all |\n|---|---|---|")
    print(f"| kuzet, inventory of what was not changed | {one:.3f} | {' '.join(f'{each:.3f}' for each in ours)} |")
    print(f"| find -newer | {other:.3f} | {' '.join(f'{each:.3f}' for each in theirs)} |")
    print(f"\nratio {one / other:.2f}; most memory of the agent {int(resident.group(1)) / 1024:.0f} MB")


if __name__ == "__main__":
    main()
