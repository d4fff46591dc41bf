# Is bwrap setuid or not, and does this bwrap take it so?
path=$(command -v bwrap) || { echo "bwrap: not found" >&2; exit 1; }
said=$(bwrap --ro-bind / / --unshare-user true 2>&1)
case $said in
*"setuid use of bubblewrap is not supported"* | *"old file caps config"*)
    echo "$said" >&2
    exit 1
    ;;
esac
case $(stat -L -c '%a %u' "$path") in
[4567]???' 0') echo "bwrap is setuid root" ;;
[4567]???' '*) echo "bwrap is setuid, and owned by $(stat -L -c %U "$path")" && exit 1 ;;
*) echo "bwrap is not setuid" ;;
esac
