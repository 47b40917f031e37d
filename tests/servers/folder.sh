#!/bin/sh
# Where servers lie that no package brings: one place for every checkout of this user, since a build takes minutes.
echo "${GRIDWARDEN_TEST_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/gridwarden/servers}"
