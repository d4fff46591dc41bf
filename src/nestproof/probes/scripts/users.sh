# Do the users exist, each without being root?  (NESTPROOF_USERS: their names)
[ "$(id -u root)" = 0 ] && echo "control: root is found, and is 0"
status=0
for user in $NESTPROOF_USERS; do
    if ! uid=$(id -u "$user" 2>/dev/null); then
        echo "$user: does not exist"
        status=1
    elif ! grep -q "^$user:" /etc/passwd; then
        echo "$user: is not in /etc/passwd"
        status=1
    elif [ "$uid" = 0 ]; then
        echo "$user: is root"
        status=1
    else
        echo "$user: exists, not root"
    fi
done
exit "$status"
