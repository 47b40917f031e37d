#!/bin/sh
# Makes docker/.env with a secret of its own for each neighbour, and the passwords of Mosquitto.
# sh docker/new-secrets.sh FOLDER_OF_THE_SITE      Never touches what is there already.
set -eu
umask 077

site=${1:?usage: new-secrets.sh FOLDER_OF_THE_SITE}
site=$(cd "$site" && pwd)
cd "$(dirname "$0")"
[ ! -e .env ] || { echo "docker/.env is there already: edit it, or move it away first" >&2; exit 1; }

secret() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
# 16 bytes as Kafka writes them: base64 for addresses, without padding and without a dash in front
cluster() { head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | sed 's/^-/A/'; }

cat >.env <<END
GRIDWARDEN_SITE=$site
GRIDWARDEN_SECRET_BROKER=$(secret 24)
POSTGRES_PASSWORD=$(secret 24)
INFLUXDB_ADMIN_PASSWORD=$(secret 24)
INFLUXDB_TOKEN=$(secret 32)
KAFKA_CLUSTER_ID=$(cluster)
END

mkdir -p secrets
echo "docker/.env is made. Now the users of Mosquitto: gridwarden has GRIDWARDEN_SECRET_BROKER of that file,"
echo "each gateway a password of its own. docker/README.md has the command."
