# Does a file descriptor pass into the sandbox, as a file's content?
token=${NESTPROOF_TOKEN:-by-hand}
[ ! -e /tmp/nestproof-fd ] && echo "control: the file does not exist outside"
inner=$(bwrap --ro-bind / / --tmpfs /tmp --dev /dev --unshare-user --unshare-pid \
    --ro-bind-data 9 /tmp/nestproof-fd cat /tmp/nestproof-fd 9<<END
$token
END
) || exit
[ "$inner" = "$token" ] && [ ! -e /tmp/nestproof-fd ] && echo "bwrap-fd-ok" && exit
echo "expected $token, read $inner"
exit 1
