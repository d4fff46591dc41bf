# Open connections in the first of the languages that the image has.  (arguments: for perl, python3, node; what to do)
perl=$1 python=$2 node=$3
shift 3
command -v perl >/dev/null && perl -MSocket=getaddrinfo -MIO::Select -e 1 2>/dev/null && exec perl -e "$perl" "$@"
command -v python3 >/dev/null && exec python3 -c "$python" "$@"
command -v node >/dev/null && exec node -e "$node" "$@"
echo "unavailable: the image has no perl, python3 or node to connect with"
