# Does bwrap make a pid namespace, from which no outer process is reached?
# shellcheck disable=SC2016 # the inner shell expands its arguments
token=${NESTPROOF_TOKEN:-by-hand}
# Small numbers belong to the sandbox: the outer process needs a larger one.
until [ "$(sh -c 'echo $$')" -gt 20 ]; do :; done
sleep 60 &
outer=$!
trap 'kill "$outer" 2>/dev/null' EXIT
kill -0 "$outer" && echo "control: outside, the process can be signalled"
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid \
    sh -c 'kill -0 $$ && echo "$1 own $$"; kill -KILL "$2" 2>/dev/null && echo "killed $2"' sh "$token" "$outer") || {
    status=$?
    [ -n "$inner" ] || exit "$status"
}
own=${inner#"$token own "}
case $own in
[2-9] | 1[0-9]) kill -0 "$outer" && echo "the sandbox reaches its own process, not the outer one" && exit ;;
esac
echo "outside $outer, inside: $inner"
exit 1
