#!/bin/bash
# Builds the Debian package and looks at what is in it. With --binary FILE that binary is packed and nothing is built.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-deb >/dev/null || cargo install --locked cargo-deb
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
options=()
if [ "${1:-}" = --binary ]; then
  mkdir -p "$target/release"
  [ "$2" -ef "$target/release/kuzet" ] || install -m 755 "$2" "$target/release/kuzet"
  options=(--no-build)
fi
cargo deb "${options[@]}"
package=$(find "$target/debian" -name 'kuzet_*.deb' -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)

# What a package without these would do to a host is worse than no package.
listing=$(dpkg-deb --contents "$package")
want() { grep -Eq "$1" <<<"$listing" || { echo "the package lacks $1"; exit 1; }; }
want '^-rwxr-xr-x (root/root|0/0) .* \./usr/bin/kuzet$'
want '^-rw-r----- (root/root|0/0) .* \./etc/kuzet/kuzet.toml$'
want '^-rw-r--r-- (root/root|0/0) .* \./lib/systemd/system/kuzet.service$'
want '^-rw-r--r-- (root/root|0/0) .* \./lib/systemd/system/kuzet-sensor.service$'
want '\./usr/share/doc/kuzet/first-day.md$'
want '\./usr/share/doc/kuzet/read-any-log.conf$'
want '\./usr/share/kuzet/dashboards/grafana/overview.json$'
want '\./usr/share/kuzet/rules/severity.toml$'
dpkg-deb --info "$package" conffiles | grep -qx /etc/kuzet/kuzet.toml || { echo "kuzet.toml is no conffile"; exit 1; }
for script in postinst prerm postrm; do dpkg-deb --info "$package" $script | sh -n; done
if grep -E ' (d|-).......w' <<<"$listing"; then echo "everybody may write that"; exit 1; fi
echo "$package: $(stat -c %s "$package") bytes"
