# Is a command in the Codex sandbox kept from the network?
# shellcheck disable=SC2016 # perl expands its own variables
[ ! -e /opt/codex/unavailable ] || { echo "unavailable: $(cat /opt/codex/unavailable)"; exit 69; }
command -v perl >/dev/null || { echo "unavailable: the image has no perl to open sockets with"; exit 69; }
token=${NESTPROOF_TOKEN:-by-hand}
open='use Socket; print "$ARGV[0] ", socket(S, PF_INET, SOCK_STREAM, 0) ? "opened" : "no: $!", "\n"'
[ "$(perl -e "$open" "$token")" = "$token opened" ] && echo "control: outside, a socket can be opened"
if codex sandbox --help 2>/dev/null | grep -q '^  linux '; then set -- linux --full-auto; else set --; fi
dir=$(mktemp -d "${NESTPROOF_PLACE:-${TMPDIR:-/tmp}}/nestproof.XXXXXX") && trap 'rm -rf "$dir"' EXIT && cd "$dir" || exit
# A home of its own: two that start at once in one take each other's files away.
mkdir "$dir/codex" && export CODEX_HOME="$dir/codex"
inner=$(codex sandbox "$@" -- perl -e "$open" "$token") || exit
case $inner in
"$token no: "*) echo "control: inside, the same program runs" && echo "a socket in the sandbox is refused" && exit ;;
esac
echo "inside: $inner"
exit 1
