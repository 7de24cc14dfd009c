#!/usr/bin/env bash
# restic, but that the command UNRELIABLE_COMMAND does what UNRELIABLE_HOW says, with UNRELIABLE_WITH.
set -u
real=${UNRELIABLE_RESTIC:-restic}
command=$1
[[ $command == "$UNRELIABLE_COMMAND" ]] || exec "$real" "$@"
case $UNRELIABLE_HOW in
  late) sleep 1 && exec "$real" "$@" ;;
  'exit 77') echo 'Fatal: something that nobody wrote down' >&2 && exit 77 ;;
  'fails afterwards') "$real" "$@" >/dev/null && echo 'Fatal: write |1: broken pipe' >&2 && exit 1 ;;
  'dies at once') kill -9 $$ ;;
  'dies half-way') "$real" "$@" >/dev/null & sleep 0.3 && kill -9 $! && kill -9 $$ ;;
  'says nothing') exit 0 ;;
  'says nonsense') echo '{"message_type": [' && exit 0 ;;
  'has another clock') exec "$real" "$@" --time "$UNRELIABLE_WITH" ;;
  'finds the repository gone') rm -rf "$UNRELIABLE_WITH" && exec "$real" "$@" ;;
  'shows an old list') cat "$UNRELIABLE_WITH" ;;
  'gives half') # of what it restores or dumps
    if [[ $command == dump ]]; then "$real" "$@" | head -c 100; exit 0; fi
    "$real" "$@" || exit
    while [[ $# -gt 0 && $1 != --target ]]; do shift; done
    find "$2" -type f -exec truncate -s -10 {} + ;;
  'gives nothing')
    [[ $command == dump ]] && exit 0
    while [[ $# -gt 0 && $1 != --target ]]; do shift; done
    mkdir -p "$2" ;;
esac
