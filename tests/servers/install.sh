#!/bin/sh
# Installs the real servers that tests use. Debian and Ubuntu, as root or with sudo.
set -eu

# Chromium drives the console in tests; without a CJK font its screenshots show boxes
packages="mosquitto mosquitto-clients postgresql postgresql-client chromium fonts-noto-cjk"

missing=""
for package in $packages; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "servers: $packages are here"
    exit 0
fi

if ! command -v apt-get >/dev/null 2>&1; then
    echo "servers: no apt-get on this system; install by hand:$missing" >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1; then
    as_root="sudo"
else
    echo "servers: needs root or sudo; as root: apt-get install$missing" >&2
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update --quiet
# shellcheck disable=SC2086  # two words on purpose
$as_root apt-get install --quiet --yes --no-install-recommends $missing
echo "servers: installed$missing (tests start their own on free ports; Debian's service is not used)"
