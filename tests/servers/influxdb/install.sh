#!/bin/sh
# Builds InfluxDB 2 from its Go module into the servers' folder of this user, once: some minutes, 2 GB while it
# builds. Needs Go 1.22 or newer, cargo, a C compiler and pkg-config; without them tests of InfluxDB are left out.
set -eu

influxdb=v2.7.11
pkg_config=v0.2.14

cd "$(dirname "$0")"
there=$(sh ../folder.sh)/influxdb
if [ "$(cat "$there/version" 2>/dev/null)" = "$influxdb" ]; then
    echo "influxdb: $influxdb is in $there"
    exit 0
fi
for program in go cargo cc pkg-config; do
    command -v "$program" >/dev/null 2>&1 || {
        echo "influxdb: needs $program on the PATH; the tests of InfluxDB are left out"
        exit 0
    }
done

build=$there/build
rm -rf "$there"
mkdir -p "$build"
trap 'rm -rf "$build"' EXIT
folder_of() { go mod download -json "$1" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'; }

cp -R "$(folder_of "github.com/influxdata/influxdb/v2@$influxdb")" "$build/influxdb"
flux_version=$(sed -n 's,^\tgithub.com/influxdata/flux \(v[0-9.]*\).*,\1,p' "$build/influxdb/go.mod")
cp -R "$(folder_of "github.com/influxdata/flux@$flux_version")" "$build/flux"
chmod -R u+w "$build"
# Flux is Rust that takes every warning for an error, and warnings come with each compiler: its own one is asked for
# by a file, and we build with the one that is here
rm -f "$build"/flux/rust-toolchain* "$build"/flux/libflux/rust-toolchain*
sed -i 's/"strict", *//; s/^default = \["strict"\]/default = []/' \
    "$build/flux/libflux/flux/Cargo.toml" "$build/flux/libflux/flux-core/Cargo.toml"

cd "$build/influxdb"
GOBIN=$build/bin go install "github.com/influxdata/pkg-config@$pkg_config"
go mod edit -replace "github.com/influxdata/flux=$build/flux"
PKG_CONFIG=$build/bin/pkg-config go build -p 2 -ldflags '-s -w' -tags 'sqlite_foreign_keys,sqlite_json' \
    -o "$there/influxd" ./cmd/influxd
chmod -R u+w "$build"
echo "$influxdb" >"$there/version" # last: who finds it knows that all is there
echo "influxdb: $influxdb built into $there"
