# Can a device node be made?
dir=$(mktemp -d) && touch "$dir/file" && echo "control: a file can be made there"
mknod "$dir/null" c 1 3 && [ -c "$dir/null" ] && echo "done"
