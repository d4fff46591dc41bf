# Is this container's system call filter on?  (Seccomp: 2 is a filter, 0 is none)
grep '^Seccomp:' /proc/self/status
