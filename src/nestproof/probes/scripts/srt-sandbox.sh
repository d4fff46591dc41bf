# Does the sandbox runtime (srt) run a command in namespaces of its own?
# shellcheck disable=SC2016,SC2086 # the inner shell expands; its lines are split on purpose
command -v srt >/dev/null || { echo "srt: not found" >&2; exit 1; }
token=${NESTPROOF_TOKEN:-by-hand}
# Some do without a /proc of the sandbox's own, by a setting of their user's.
grep -qs '"enableWeakerNestedSandbox"[ ]*:[ ]*true' "$HOME/.srt-settings.json" &&
    echo "weaker: the sandbox sees the container's /proc (enableWeakerNestedSandbox in ~/.srt-settings.json)"
outer=$(readlink /proc/self/ns/net /proc/self/ns/pid | tr '\n' ' ')
[ -n "$outer" ] && echo "control: outside, the namespaces are named"
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir" || exit
show='readlink /proc/self/ns/net /proc/self/ns/pid; sed -n "s/^NoNewPrivs:\t//p; s/^Seccomp:\t//p; s/^CapEff:\t//p" /proc/self/status'
inner=$(srt -c "echo $token; $show" 2>err) || { cat err >&2 && exit 1; }
set -- $inner
[ "$1" = "$token" ] && [ $# = 6 ] && echo "srt-inner-ok"
case $outer in *"$2"* | *"$3"*) ;; *) echo "in network and pid namespaces of its own" ;; esac
[ "$4 $5 $6" = "0000000000000000 1 2" ] && echo "without capabilities, without new privileges, with a filter" && exit
echo "outside $outer, inside" $inner
exit 1
