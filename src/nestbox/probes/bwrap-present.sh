# Is there a bwrap on the PATH?
command -v sh >/dev/null && echo "control: sh is found in the same way"
path=$(command -v bwrap) || { echo "bwrap: not found" >&2; exit 1; }
echo "found as $path"
