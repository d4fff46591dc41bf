# Can the user's own files be written?
[ -d "$HOME" ] && echo "control: there is a home folder"
file=$(mktemp "$HOME/.nestproof.XXXXXX") && rm "$file" && echo "done"
