#!/usr/bin/env python3
"""Measures what polling costs: CPU of the agent and of the server's process that answers it, while pgbench works.

    python3 benches/run_polling.py KUZET [SECONDS [POLL_SECONDS]]

KUZET is a release binary. Makes a PostgreSQL cluster with pg_stat_statements in a temporary folder, runs pgbench (4 clients,
SELECT only) for SECONDS (120) beside the agent, which asks every POLL_SECONDS (10), and prints the share of a core that the
agent and the server's backend used, from /proc/PID/stat. Goals: agent at most 0.5 %, server at most 0.1 %. As root the
server runs as the system user postgres.
"""

import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of CPU of a process, user and system."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main():
    kuzet = os.path.abspath(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    poll = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    folder = tempfile.mkdtemp(prefix="kuzet-polling-")
    os.chmod(folder, 0o755)
    root = os.geteuid() == 0
    sudo = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if root else []
    data, port = os.path.join(folder, "data"), free_port()
    os.mkdir(data, 0o700)
    if root:
        shutil.chown(data, "postgres", "postgres")
    subprocess.run(sudo + [f"{binaries}/initdb", "-U", "postgres", "-A", "trust", "-D", data], check=True, stdout=subprocess.DEVNULL, cwd="/tmp")
    settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_preload_libraries": "pg_stat_statements", "fsync": "off"}
    arguments = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(sudo + [f"{binaries}/postgres", "-D", data] + arguments, stderr=subprocess.DEVNULL, cwd="/tmp")
    agent = None
    try:
        base = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        while subprocess.run([f"{binaries}/pg_isready", "-q"] + base, check=False).returncode:
            time.sleep(0.2)

        def ask(sql):
            return subprocess.run([f"{binaries}/psql", "-XAtqc", sql] + base, check=True, capture_output=True, text=True).stdout.strip()

        ask("CREATE EXTENSION pg_stat_statements")
        ask("CREATE ROLE kuzet LOGIN IN ROLE pg_monitor")
        subprocess.run([f"{binaries}/pgbench", "-iq", "-s", "5"] + base + ["postgres"], check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        log = os.path.join(folder, "empty.csv")
        open(log, "w", encoding="ascii").close()
        config = os.path.join(folder, "kuzet.toml")
        with open(config, "w", encoding="ascii") as file:
            file.write(f'state = "{folder}/state"\n[metrics]\nlisten = "off"\n')
            file.write(f'[[source]]\nname = "log"\nformat = "postgresql_csvlog"\npaths = ["{log}"]\n')
            file.write(f'[[database]]\nname = "status"\nurl = "postgresql://kuzet@127.0.0.1:{port}/postgres"\npoll_seconds = {poll}\nsource = "log"\n')
        agent = subprocess.Popen([kuzet, "--config", config, "run"], stderr=subprocess.DEVNULL)
        backend = ""
        while not backend:
            time.sleep(0.5)
            backend = ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'kuzet'")
        bench = subprocess.Popen([f"{binaries}/pgbench", "-S", "-c", "4", "-T", str(seconds)] + base + ["postgres"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        before, start = (cpu(agent.pid), cpu(backend)), time.monotonic()
        told = bench.communicate()[0]
        after, took = (cpu(agent.pid), cpu(backend)), time.monotonic() - start
        tps = next(line for line in told.splitlines() if line.startswith("tps"))
        print(f"pgbench: {tps}; {took:.0f} s, asked every {poll} s")
        for name, used, goal in (("agent", after[0] - before[0], 0.5), ("server", after[1] - before[1], 0.1)):
            share = 100 * used / took
            print(f"{name}: {used:.2f} s of CPU, {share:.3f} % of a core (goal {goal} %): {'held' if share <= goal else 'missed'}")
    finally:
        if agent:
            agent.send_signal(signal.SIGTERM)
            agent.wait()
        server.send_signal(signal.SIGINT)
        server.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
