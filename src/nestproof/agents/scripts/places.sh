# Folders in which a command of an agent has no business to write, and files that it has none to read.
places=/etc\ /usr/local/bin\ /var/tmp
for place in "$HOME" "${CODEX_HOME:-$HOME/.codex}" "${CLAUDE_CONFIG_DIR:-$HOME/.claude}"; do
    case $place in *[!A-Za-z0-9/._-]*) ;; *) [ -d "$place" ] && places="$places $place" ;; esac
done
secrets=
for file in "${CODEX_HOME:-$HOME/.codex}/auth.json" "${CLAUDE_CONFIG_DIR:-$HOME/.claude}/.credentials.json"; do
    case $file in *[!A-Za-z0-9/._-]*) ;; *) [ -r "$file" ] && secrets="$secrets $file" ;; esac
done
