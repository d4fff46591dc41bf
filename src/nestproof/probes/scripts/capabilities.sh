# Which capabilities can a process of this container ever hold?
grep '^CapBnd:' /proc/self/status
