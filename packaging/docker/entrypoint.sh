#!/bin/sh
# Runs rowplica as whoever owns the database, so that no file beside it is left to somebody else. Root is only
# there to become that user: a container that was started as another user stays what it is.
set -eu

home=$(dirname "$(readlink -f "$0")")
node="$home/bin/node" # where the image has a Node of its own for another program
[ -x "$node" ] || node=node

owned=${ROWPLICA_DATABASE:-${SQLITE_DATABASE:-${DATA_DIR:+$DATA_DIR/kuma.db}}}
owned=${owned:-${ROWPLICA_DEFAULT_DATABASE:-/app/data}}
owned=${owned#sqlite:}
while [ ! -e "$owned" ]; do owned=$(dirname "$owned"); done

uid=$(stat -c %u "$owned")
gid=$(stat -c %g "$owned")
if [ "$(id -u)" = 0 ] && [ "$uid" != 0 ]; then
  if [ "${HOME:-/root}" = /root ]; then # which that user cannot read, nor the application
    HOME=$(getent passwd "$uid" | cut -d: -f6)
    [ -d "$HOME" ] || HOME=/tmp
    export HOME
  fi
  exec setpriv --reuid="$uid" --regid="$gid" --clear-groups -- "$node" "$home/dist/cli/main.js" "$@"
fi
exec "$node" "$home/dist/cli/main.js" "$@"
