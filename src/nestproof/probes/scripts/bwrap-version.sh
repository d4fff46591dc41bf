# Which bubblewrap is it?
bwrap --version
