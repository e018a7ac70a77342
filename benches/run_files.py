#!/usr/bin/env python3
"""What watching files costs: idle, 10,000 operations a second in a watched folder, and as many beside it on the same file system.

usage: run_files.py KUZET FOLDER [SECONDS]     (root; FOLDER is made, on ext4, xfs, btrfs or tmpfs, and taken away again)

CPU is the time on processors of all threads of the sensor, and of the agent behind it (/proc/PID/task/*/schedstat); what the
kernel does for a record in the process that caused it is told as what the load itself costs with and without the sensor.
Of ten operations five read a file, two append to one, one makes one, one renames one, one deletes one.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time

RATE = 10_000
FILES = 20_000
FOLDERS = 100
CONFIG = """state = "{state}"
[[source]]
name = "host"
sensor = {{ folders = ["{folder}"] }}
[metrics]
listen = "127.0.0.1:0"
"""


def cpu(pid):
    tasks = (f"/proc/{pid}/task/{task}/schedstat" for task in os.listdir(f"/proc/{pid}/task"))
    return sum(int(open(task).read().split()[0]) for task in tasks) / 1e9


def rss(pid):
    return max(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")) / 1024


def children(pid):
    tasks = os.listdir(f"/proc/{pid}/task")
    return [int(child) for task in tasks for child in open(f"/proc/{pid}/task/{task}/children").read().split()]


def lay(folder):
    for number in range(FOLDERS):
        os.makedirs(f"{folder}/{number}")
    for number in range(FILES):
        with open(f"{folder}/{number % FOLDERS}/{number}.docx", "wb") as out:
            out.write(b"x" * 512)


def load(folder, seconds, rate=RATE):
    """Ten operations a step, as many steps as the rate wants; gives how many there were and its own CPU."""
    draw, made, done = random.Random(7), [], 0
    begun, own = time.monotonic(), time.process_time()
    while (now := time.monotonic() - begun) < seconds:
        if done >= rate * now:
            time.sleep(0.005)
            continue
        for kind in "rrrrrwwcmd":
            number = draw.randrange(FILES)
            path = f"{folder}/{number % FOLDERS}/{number}.docx"
            if kind == "r":
                fd = os.open(path, os.O_RDONLY)
                os.read(fd, 4096)
                os.close(fd)
            elif kind == "w":
                fd = os.open(path, os.O_WRONLY)
                os.pwrite(fd, b"y", 100)
                os.close(fd)
            elif kind == "c":
                made.append(f"{folder}/{number % FOLDERS}/new-{done}")
                os.close(os.open(made[-1], os.O_WRONLY | os.O_CREAT))
            elif kind == "m":
                os.rename(made[-1], made[-1] + ".old")
                made[-1] += ".old"
            elif len(made) > 50:
                os.unlink(made.pop(0))
            done += 1
    for path in made:
        os.unlink(path)
    return done, time.process_time() - own


def measured(pids, work):
    before, begun = [cpu(pid) for pid in pids], time.monotonic()
    done, own = work()
    took = time.monotonic() - begun
    shares = [100 * (cpu(pid) - one) / took for pid, one in zip(pids, before)]
    return done / took, 100 * own / took, shares


def main():
    binary, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 30
    watched, beside = f"{folder}/dossiers", f"{folder}/elsewhere"
    for one in (watched, beside):
        lay(one)
    try:
        print(f"load average {os.getloadavg()[0]:.1f}, {seconds} s each\n")
        print("| | operations/s | load itself | sensor | agent | sensor's RSS |")
        print("|---|---:|---:|---:|---:|---:|")
        done, own, _ = measured([], lambda: load(watched, seconds))
        print(f"| nobody watches | {done:,.0f} | {own:.1f} % | | | |")
        sensor_alone(binary, folder, watched, beside, seconds)
        with_agent(binary, folder, watched, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sensor_alone(binary, folder, watched, beside, seconds):
    lines = f"{folder}/lines"
    with open(lines, "wb") as out:
        child = subprocess.Popen([binary, "sensor", "--folder", watched], stdout=out)
    try:
        while b'"sight"' not in open(lines, "rb").read(4096):
            time.sleep(0.05)
        time.sleep(3)

        def row(name, work):
            done, own, shares = measured([child.pid], work)
            print(f"| {name} | {done:,.0f} | {own:.1f} % | {shares[0]:.2f} % | | {rss(child.pid):.1f} MiB |", flush=True)

        row("idle", lambda: (time.sleep(seconds), (0, 0))[1])
        row("in the watched folder", lambda: load(watched, seconds))
        time.sleep(1)
        row("beside it, same file system", lambda: load(beside, seconds))
    finally:
        time.sleep(2)
        child.terminate()
        child.wait()
    deeds, lost, unknown = {}, 0, 0
    for line in open(lines):
        if line.startswith('{"sensor":"file"'):
            act = json.loads(line)
            deeds[act["do"]] = deeds.get(act["do"], 0) + 1
            unknown += act["process"] is None
        elif line.startswith('{"sensor":"lost"'):
            lost += json.loads(line)["records"]
    print(f"\ntold: {deeds}, of nobody {unknown}, lost {lost}\n", flush=True)


def with_agent(binary, folder, watched, seconds):
    config, state = f"{folder}/kuzet.toml", f"{folder}/state"
    os.makedirs(state)
    with open(config, "w") as out:
        out.write(CONFIG.format(state=state, folder=watched))
    child = subprocess.Popen([binary, "run", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(10)
        if child.poll() is not None:
            sys.exit("the agent does not run")
        sensor = children(child.pid)[0]
        done, own, shares = measured([sensor, child.pid], lambda: load(watched, seconds))
        print("| | operations/s | load itself | sensor | agent | sensor's and agent's RSS |")
        print("|---|---:|---:|---:|---:|---:|")
        print(f"| with the agent | {done:,.0f} | {own:.1f} % | {shares[0]:.2f} % | {shares[1]:.2f} % | "
              f"{rss(sensor):.1f} and {rss(child.pid):.1f} MiB |")
    finally:
        child.terminate()
        child.wait()


if __name__ == "__main__":
    main()
