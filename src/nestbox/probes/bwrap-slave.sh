# May bwrap make / a slave mount, so that none of its mounts gets out?
grep -q ' / / ' /proc/self/mountinfo && echo "control: outside, the mount of / is named"
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
bwrap --ro-bind / / --unshare-user cat /proc/self/mountinfo >"$dir/inner" 2>"$dir/err"
status=$?
# It says where it stops; pivot_root comes after this stage.
if [ "$status" != 0 ]; then
    grep -q '^bwrap: pivot_root: ' "$dir/err" && echo "it may; bwrap stops at pivot_root" && exit
    cat "$dir/err" >&2
    exit "$status"
fi
root=$(grep ' / / ' "$dir/inner" | tail -n 1)
outer=$(grep ' / / ' /proc/self/mountinfo | tail -n 1)
case $root in
'' | "$outer" | *' shared:'*) echo "inside, / is mounted as: ${root:-nothing}" && exit 1 ;;
esac
echo "inside, / is a mount of its own that shares nothing"
