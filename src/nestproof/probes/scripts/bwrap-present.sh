# Is there a bwrap on the PATH?
command -v sh >/dev/null && echo "control: sh is found in the same way"
if path=$(command -v bwrap); then
    echo "bwrap is found as $path"
    exit
fi
IFS=:
for folder in $PATH; do
    [ ! -e "$folder/bwrap" ] || { echo "$folder/bwrap: Permission denied" >&2; exit 1; }
done
echo "bwrap: not found" >&2
exit 1
