#!/bin/sh
# Copies the jars of Apache Kafka, in the version of pom.xml, into the servers' folder of this user, once.
set -eu

cd "$(dirname "$0")"
jars=$(sh ../folder.sh)/kafka
if cmp -s pom.xml "$jars/pom.xml"; then
    echo "kafka: the jars are in $jars"
    exit 0
fi

for program in java mvn; do
    command -v "$program" >/dev/null 2>&1 || { echo "kafka: needs $program on the PATH" >&2; exit 1; }
done
rm -rf "$jars"
mkdir -p "$(dirname "$jars")"
mvn --batch-mode --quiet dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$jars"
cp pom.xml "$jars/pom.xml" # last: who finds it knows that all is there
echo "kafka: $(find "$jars" -name '*.jar' | wc -l) jars in $jars"
