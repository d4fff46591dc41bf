# Does a sandbox without the network reach neither the container's loopback nor its own address?
# shellcheck disable=SC2016 # perl expands its own variables
token=${NESTPROOF_TOKEN:-by-hand}
command -v perl >/dev/null || { echo "unavailable: the image has no perl to listen with"; exit 69; }
dir=$(mktemp -d) && trap 'kill "$listener" 2>/dev/null; rm -rf "$dir"' EXIT
perl -MSocket -e 'socket S, PF_INET, SOCK_STREAM, 0 or die; bind S, sockaddr_in 0, INADDR_ANY or die; listen S, 9;
    alarm 60; $| = 1; print +(sockaddr_in getsockname S)[0], "\n"; while (accept C, S) { print C "$ARGV[0]\n"; close C }' \
    "$token" >"$dir/port" &
listener=$!
until [ -s "$dir/port" ]; do kill -0 "$listener" && sleep 0.02 || exit; done
# Every address of the container, as the kernel routes to it.
# shellcheck disable=SC2046 # a word each
set -- $(awk '/32 host/ { print last } { last = $2 }' /proc/net/fib_trie | sort -u)
reach='alarm 5; for (@ARGV) { socket S, PF_INET, SOCK_STREAM, 0 or print "no socket\n" and next;
    print connect(S, sockaddr_in $port, inet_aton $_) ? scalar <S> : "no\n" }'
reach="use Socket; \$port = $(cat "$dir/port"); $reach"
wanted=$(for _ in "$@"; do echo "$token"; done)
[ $# -gt 0 ] && [ "$(perl -e "$reach" "$@")" = "$wanted" ] && echo "control: outside, the listener is reached"
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid perl -e "$reach" "$@") || exit
[ "$inner" = "$wanted" ] && echo "control: inside, with the network, the listener is reached"
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid --unshare-net perl -e "$reach" "$@") || exit
[ "$inner" = "$(for _ in "$@"; do echo no; done)" ] && echo "without the network, none of $# addresses is reached" && exit
echo "inside, without the network: $inner"
exit 1
