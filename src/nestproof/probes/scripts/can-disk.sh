# Can a disk of the host be read?
# shellcheck disable=SC2046 # a number each
set -- $(awk 'NR > 2 { print $1, $2; exit }' /proc/partitions)
[ $# = 2 ] || { echo "unavailable: this host has no disk"; exit 69; }
echo "control: the kernel names a disk"
dir=$(mktemp -d) && mknod "$dir/disk" b "$1" "$2" || exit
head -c 1 "$dir/disk" >/dev/null && echo "done"
