# By which AppArmor profile is this container confined?
# The file exists without AppArmor too, and then cannot be read.
cat /proc/self/attr/apparmor/current 2>/dev/null || cat /proc/self/attr/current 2>/dev/null || echo "no AppArmor"
