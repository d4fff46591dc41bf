# Does bwrap give a user who is not root nothing of root's?
# shellcheck disable=SC2016 # the inner shell expands its arguments
[ "$(id -u)" != 0 ] || { echo "unavailable: asked as root, who has all of it"; exit 69; }
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
echo own >"$dir/own" && chmod 600 "$dir/own"
[ -s /etc/shadow ] && ! cat /etc/shadow >/dev/null 2>&1 && echo "control: root's secret is there, and hidden from this user"
take='cat "$1"; id -u; grep -q . /etc/shadow 2>/dev/null && echo leaked; touch /etc/nestproof 2>/dev/null && echo written; :'
ask() { bwrap --bind / / --dev /dev "$@" sh -c "$take" sh "$dir/own"; }
inner=$(ask --unshare-user --uid 0 --gid 0) || exit
[ "$inner" = "own
0" ] && echo "control: in a user namespace, the user is called root and reads its own file"
# bwrap refuses some of these; whatever it allows, nothing of root's may come of it.
for way in '' '--uid 0' '--cap-add ALL' '--unshare-user --uid 0 --cap-add ALL'; do
    # shellcheck disable=SC2086 # split on purpose
    said=$inner$(ask $way 2>&1)
    case $said in *leaked* | *written*) echo "bwrap $way: $said" && exit 1 ;; esac
    [ -e /etc/nestproof ] && echo "bwrap $way wrote into /etc" && exit 1
done
echo "bwrap reads and writes nothing of root's in any of 4 ways"
