# Is there no setuid bwrap in this container?
probe=$(mktemp) && chmod u+s "$probe" && [ -u "$probe" ] && echo "control: a setuid bit is seen"
rm -f "$probe"
found=$(find / -xdev -name 'bwrap*' -type f -perm -4000 2>/dev/null)
[ -z "$found" ] || { echo "setuid: $found"; exit 1; }
echo "the image has no setuid bwrap"
