# Can a setting of the host's kernel under /proc/sys be written?  (the value that it has already)
file=/proc/sys/vm/swappiness
value=$(cat "$file") && [ -n "$value" ] && echo "control: the setting can be read"
mount -o remount,rw,bind /proc/sys || echo "/proc/sys stays as it is" >&2
echo "$value" >"$file" && echo "done"
