# Does a sandbox see its own processes, and no other?
# shellcheck disable=SC2016 # the inner shell expands its arguments
token=${NESTPROOF_TOKEN:-by-hand}
until [ "$(sh -c 'echo $$')" -gt 20 ]; do :; done
sleep 60 &
outer=$!
trap 'kill "$outer" 2>/dev/null' EXIT
[ -r "/proc/$outer/comm" ] && kill -0 "$outer" && echo "control: outside, the process is seen and can be signalled"
look='echo "$1"; [ -r /proc/$$/comm ] && echo own; [ -e "/proc/$2" ] && echo seen; kill -0 "$2" 2>/dev/null && echo reached; :'
ask() { bwrap --ro-bind / / --dev /dev --unshare-user --unshare-pid "$@" sh -c "$look" sh "$token" "$outer"; }
case $(ask) in
"$token"*reached*) ;;
"$token"*) echo "control: inside, without a /proc of its own, the process cannot be signalled" ;;
esac
inner=$(ask --proc /proc) || exit
[ "$(echo "$inner" | tr '\n' ' ')" = "$token own " ] && echo "with a /proc of its own, the sandbox sees no outer process" && exit
echo "inside: $inner"
exit 1
