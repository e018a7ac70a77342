#!/bin/bash
# The gate: installs the real servers where it may, then format, lints, every test, and the checks of foreign tools.
# KUZET_NO_INSTALL=1 installs nothing. Without the servers the tests against them are left out, and that is said.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(postgresql postgresql-15-pgaudit mariadb-server mariadb-client prometheus prometheus-alertmanager systemd-journal-remote redis-server rsyslog iproute2 iputils-ping curl netcat-openbsd rsync openssh-client openssh-server softflowd auditd e2fsprogs samba samba-vfs-modules smbclient xfsprogs btrfs-progs)

say() { printf '\n== %s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
servers() {
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null && compgen -G '/usr/share/postgresql/*/extension/pgaudit.control' >/dev/null &&
    have mariadbd && have mariadb && have prometheus && have promtool && have prometheus-alertmanager &&
    [ -x /lib/systemd/systemd-journal-remote ] && have redis-server && have rsyslogd && have ip && have ping && have curl && have nc && have rsync && have sshd && have scp && have softflowd && have auditd && have auditctl && have mkfs.ext4 && have mkfs.xfs && have mkfs.btrfs && have smbd && have smbclient &&
    compgen -G '/usr/lib/*/samba/vfs/full_audit.so' >/dev/null
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

install() {
  have apt-get || { echo "no apt-get"; return 1; }
  [ "$(id -u)" = 0 ] || { have sudo && sudo -n true 2>/dev/null; } || { echo "neither root nor sudo without a password"; return 1; }
  # The tests start private clusters; the packages must start nothing of their own.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy"
    made=1
  fi
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    as_root mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  local done=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" || done=$?
  [ -z "$made" ] || as_root rm -f "$policy"
  return $done
}

features=()
if ! servers && [ -z "${KUZET_NO_INSTALL:-}" ]; then
  say "install ${packages[*]}"
  install || echo "could not install the servers"
fi
if servers; then
  features=(--features live)
else
  say "WITHOUT the tests against real servers: install ${packages[*]} to run them"
fi

say "cargo fmt"
cargo fmt --all --check
say "cargo clippy"
cargo clippy --locked --workspace --all-targets "${features[@]}" -- -D warnings
say "cargo test"
cargo test --locked --workspace "${features[@]}"
say "cargo test: rules, second opinion"
cargo test --locked -p kuzet-sigma --features sigma-rust --test edge

say "licences, duplicates, registries"
if cargo deny --version >/dev/null 2>&1; then
  cargo deny check licenses bans sources
else
  echo "cargo-deny is not installed; tests/tidy/manifests.rs has checked deny.toml"
fi

if have promtool && compgen -G 'dashboards/prometheus/*.yml' >/dev/null; then
  say "promtool"
  for file in dashboards/prometheus/*.yml; do
    case $file in
      *test*) promtool test rules "$file" ;;
      *scrape*) promtool check config "$file" ;;
      *) promtool check rules "$file" ;;
    esac
  done
fi
if have amtool && compgen -G 'dashboards/alertmanager/*.yml' >/dev/null; then
  say "amtool"
  amtool check-config dashboards/alertmanager/*.yml
fi
say "all is well"
