#!/bin/sh
# Installs the real servers that tests use. Debian and Ubuntu, as root or with sudo.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# Chromium drives the console in tests; without a CJK font its screenshots show boxes
packages="mosquitto mosquitto-clients postgresql victoria-metrics chromium fonts-noto-cjk"
# cameras: a real RTSP server, driven by a script of ours
packages="$packages gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly"
# Kafka comes as jars: a Java that runs it, and what fetches them. Any Java of 17 and newer will do.
java_version() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'; }
[ "$(java_version || true)" -ge 17 ] 2>/dev/null || packages="$packages default-jre-headless"
command -v mvn >/dev/null 2>&1 || packages="$packages maven"

missing=""
for package in $packages; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "servers: $packages are here"
    sh "$here/influxdb/install.sh"
    exec sh "$here/kafka/install.sh"
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
# shellcheck disable=SC2086  # several words on purpose
$as_root apt-get install --quiet --yes --no-install-recommends $missing
echo "servers: installed$missing (tests start their own on free ports; Debian's service is not used)"
sh "$here/influxdb/install.sh"
exec sh "$here/kafka/install.sh"
