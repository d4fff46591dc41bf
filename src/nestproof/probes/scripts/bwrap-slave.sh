# May bwrap make / a slave mount, so that none of its mounts gets out?
# The fifth word is the place; the fourth, what of a file system is there, may be a folder (storage driver vfs).
root_of() { grep '^[0-9]* [0-9]* [0-9:]* [^ ]* / ' "$1" | tail -n 1; }
outer=$(root_of /proc/self/mountinfo)
[ -n "$outer" ] && echo "control: outside, the mount of / is named"
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
bwrap --ro-bind / / --unshare-user cat /proc/self/mountinfo >"$dir/inner" 2>"$dir/err"
status=$?
# It says where it stops; pivot_root comes after this stage.
if [ "$status" != 0 ]; then
    grep -q '^bwrap: pivot_root: ' "$dir/err" && echo "/ becomes a slave mount; bwrap stops at pivot_root" && exit
    cat "$dir/err" >&2
    exit "$status"
fi
root=$(root_of "$dir/inner")
case $root in
'' | "$outer" | *' shared:'*) echo "inside, / is mounted as: ${root:-nothing}" && exit 1 ;;
esac
echo "the sandbox's / is a mount of its own that shares nothing"
