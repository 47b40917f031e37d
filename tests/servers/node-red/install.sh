#!/bin/sh
# Installs Node-RED for the benchmark, once. It runs on Node.js 18 and newer.
set -eu

cd "$(dirname "$0")"
if ! node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; then
    echo "node-red: needs Node.js 18 or newer: not in this run"
    exit 0
fi
if [ node_modules/.package-lock.json -nt package-lock.json ]; then
    exit 0
fi
npm ci --ignore-scripts --no-audit --no-fund --omit=dev --loglevel=error
touch node_modules/.package-lock.json
