#!/bin/bash
# The long lane, run before an issue is closed: fuzzing, many more kills, benches. What it measured is kept in
# benches/runs/ under the day's date.
# usage: scripts/long.sh [minutes a fuzz target, default 10] [kills, default 5000] [parts, default all of them:
#        fuzz properties sigma flood kills simulation trickle burst benches]
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${1:-10} kills=${2:-5000} parts=" ${*:3} "
[ "$parts" != "  " ] || parts=" fuzz properties sigma flood kills simulation trickle burst benches "
mkdir -p benches/runs
result=benches/runs/$(date -u +%Y-%m-%d)-long.md
say() { printf '\n== %s\n' "$*"; }
note() { printf '%s\n' "$*" | tee -a "$result"; }

note "# Long lane of $(date -u +%Y-%m-%dT%H:%MZ), commit $(git rev-parse --short HEAD)"
note ""
note "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), $(rustc --version)"

wanted() { [[ $parts == *" $1 "* ]]; }

if wanted fuzz; then
  command -v cargo-fuzz >/dev/null 2>&1 || cargo install cargo-fuzz --locked
  note ""
  note "## Fuzzing, $minutes minutes a target, no sanitiser (that needs a nightly compiler)"
  note ""
  # Texts of an operator and records with many fields are seldom hit upon by chance: these begin with good ones.
  mkdir -p fuzz/corpus/{policy,suppressions,sigma_rule,zeek,suricata_eve,netflow,sensor,inventory,document,picture,samba_full_audit,minio_audit,s3_access}
  cp agent/document/tests/data/* fuzz/corpus/document/
  cp agent/idscan/tests/data/*.{png,jpg} fuzz/corpus/picture/
  cp tests/scenarios/policy.toml fuzz/corpus/policy/scenarios.toml
  cp tests/simulation/policy.toml fuzz/corpus/policy/simulation.toml
  sed -n '/^\[\[suppress\]\]/,/^```/p' docs/noise.md | grep -v '```' >fuzz/corpus/suppressions/docs.toml
  cp rules/sigma/*/*.yml fuzz/corpus/sigma_rule/
  cp tests/data/samples/network/zeek* fuzz/corpus/zeek/
  cp tests/data/samples/network/eve.json fuzz/corpus/suricata_eve/
  cp tests/data/samples/host/sensor*.jsonl fuzz/corpus/sensor/
  cp tests/data/samples/host/inventory.jsonl fuzz/corpus/inventory/
  cp tests/data/samples/network/netflow*.log fuzz/corpus/netflow/
  cp tests/data/samples/files/samba.log fuzz/corpus/samba_full_audit/
  cp tests/data/samples/files/minio-audit.json fuzz/corpus/minio_audit/
  cp tests/data/samples/files/s3-access.log fuzz/corpus/s3_access/
  # Datagrams and first bytes of connections as they are, too: each ends where the target cuts (fe). Before a piece of a
  # connection stands whose it is (08: this host's, by TCP; 05 and 07: question and answer of DNS) and where in it.
  plain() { tr -d '\n' | tr a-f A-F | basenc --base16 -d; }
  for log in tests/data/samples/network/netflow*.log; do
    sed 's/.* //; s/$/fe/' "$log" | plain >"fuzz/corpus/netflow/$(basename "$log" .log).bin"
  done
  for bytes in agent/wire/tests/data/{tls,http,connect}-curl.hex; do
    sed '1s/^/0800/' "$bytes" | plain >"fuzz/corpus/sensor/$(basename "$bytes" .hex).bin"
  done
  sed '1s/^/0500/; s/^$/fe0700/' agent/wire/tests/data/dns-aaaa.hex | plain >fuzz/corpus/sensor/dns-aaaa.bin
  for target in $(cd fuzz && cargo fuzz list); do
    say "fuzz $target"
    log=$(mktemp)
    if cargo fuzz run -s none "$target" -- -max_total_time=$((minutes * 60)) >"$log" 2>&1; then
      note "- $target: no finding, $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log") runs"
    else
      note "- $target: **FAILED**"
      tail -n 40 "$log"
    fi
    rm -f "$log"
  done
fi

if wanted properties; then
  say "property tests, new cases, ten times as many"
  note ""
  note "## Property tests"
  note ""
  seed=${PROPTEST_RNG_SEED:-$(date +%s)}
  note "PROPTEST_CASES=5000 PROPTEST_RNG_SEED=$seed"
  if PROPTEST_CASES=5000 PROPTEST_RNG_SEED=$seed cargo test --workspace --lib --tests -- --skip live:: --skip robust::kill >/dev/null; then
    note "done"
  else
    note "**FAILED**"
  fi
fi

if wanted sigma; then
  say "Sigma rules and events through two engines, 100,000 cases"
  note ""
  note "## Sigma against rsigma-eval"
  note ""
  seed=${PROPTEST_RNG_SEED:-$(date +%s)}
  if PROPTEST_CASES=100000 PROPTEST_RNG_SEED=$seed cargo test -p kuzet-sigma --test differential >/dev/null; then
    note "100,000 cases, no unexplained difference (seed $seed)"
  else
    note "**FAILED** (seed $seed)"
  fi
fi

if wanted flood; then
  say "ten million different roles, addresses, statements and people"
  note ""
  note "## Ten million of everything"
  note ""
  if KUZET_LONG=1 KUZET_FLOOD_REPORT=$PWD/$result cargo test --test kuzet robust::flood >/dev/null; then note "done"; else note "**FAILED**"; fi
fi

if wanted kills; then
  say "kill the agent $kills times"
  note ""
  note "## $kills kills"
  note ""
  if KUZET_KILLS=$kills cargo test --test kuzet robust::kill -- --nocapture 2>&1 | tee /dev/stderr | grep '^test result' >>"$result"; then
    note "done"
  else
    note "**FAILED**"
  fi
fi

if wanted simulation; then
  say "thirty simulated days, three servers, three seeds, with and without attacks"
  simulation=benches/runs/$(date -u +%Y-%m-%d)-simulation.md
  note ""
  note "## Thirty simulated days"
  note ""
  if KUZET_SIMULATION=30 KUZET_SIMULATION_REPORT=$PWD/$simulation cargo test --test kuzet simulation::whole >/dev/null; then
    note "$(grep -c '^Found in time' "$simulation") runs with attacks, false alarms and misses: $(basename "$simulation")"
  else
    note "**FAILED**"
  fi
fi

if wanted trickle; then
  say "an upload that takes ten minutes"
  note ""
  note "## An upload of 1.5 MiB that takes ten minutes"
  note ""
  if KUZET_TRICKLE_RATE=2600 cargo test --features live --test kuzet -- live::uploads::a_trickle >/dev/null; then
    note "told while it ran"
  else
    note "**FAILED**"
  fi
fi

if wanted burst; then
  say "200,000 files at once, on tmpfs and on ext4 with a sensor that cannot read meanwhile"
  note ""
  note "## 200,000 files in a burst"
  note ""
  if KUZET_BURST=200000 KUZET_BURST_REPORT=$PWD/$result cargo test --features live --test kuzet -- live::burst --test-threads=1 >/dev/null; then
    note "all of them are in the inventory, and what the sensor lost is told"
  else
    note "**FAILED**"
  fi
fi

if wanted benches; then
  say "benches"
  note ""
  note "## Benches"
  note ""
  note '```'
  cargo bench 2>&1 | grep -v '^ *Compiling\|^warning' | tee -a "$result"
  note '```'
fi
say "kept in $result"
