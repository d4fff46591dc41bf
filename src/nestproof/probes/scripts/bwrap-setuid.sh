# Is /usr/bin/bwrap setuid root, and the bwrap that a process finds?
[ -e /usr/bin/bwrap ] || { echo "/usr/bin/bwrap does not exist"; exit 1; }
stat -c 'mode %a, owner %U' /usr/bin/bwrap
echo "bwrap is found as $(command -v bwrap)"
