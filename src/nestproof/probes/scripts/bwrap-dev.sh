# Does bwrap give a /dev of its own, in which the usual devices work?
# shellcheck disable=SC2016 # the inner shell expands $1
marker=$(mktemp /dev/shm/nestproof.XXXXXX) && trap 'rm -f "$marker"' EXIT
[ -e "$marker" ] && echo "control: outside, /dev/shm takes a file"
outer=$(stat -c %d /dev)
inner=$(bwrap --ro-bind / / --dev /dev --unshare-user sh -c \
    'echo gone >/dev/null && head -c 4 /dev/zero | wc -c; [ ! -e "$1" ] && echo hidden; stat -c %d /dev' sh "$marker") || exit
# shellcheck disable=SC2086 # split on purpose
set -- $inner
[ "$1 $2" = "4 hidden" ] && [ "$3" != "$outer" ] && echo "the sandbox has a /dev of its own, and its devices work" && exit
echo "outside $outer, inside:" "$@"
exit 1
