# Restarts a unit and checks that it is healthy. Arguments: SCOPE UNIT SUDO SECONDS PYTHON URL. Prints KEY=VALUE lines.
scope=$1 unit=$2 sudo=$3 seconds=$4 python=$5 url=$6
[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$(id -u)
control() {
    if [ "$scope" = user ]; then systemctl --user "$@"
    elif [ "$sudo" = yes ]; then sudo -n systemctl "$@"
    else systemctl "$@"
    fi </dev/null
}
shown() { control show -p "$1" "$unit" 2>/dev/null | sed -n "s/^$1=//p"; }
fail() {
    echo "state=$(shown ActiveState)"
    echo "why=$(printf '%s' "$1" | tr '\n' ' ')"
    # The service's last lines since this start, without systemd's lines about it.
    log() { if [ "$sudo" = yes ]; then sudo -n journalctl "$@"; else journalctl "$@"; fi </dev/null 2>/dev/null; }
    log "_SYSTEMD_INVOCATION_ID=$(shown InvocationID)" -n 5 -o cat --no-pager --quiet | sed 's/^/log=/'
    exit 0
}
# Not 'restart': a unit that waits longer after each restart must start counting again. Nothing is printed in between,
# so that a lost connection does not end this with the service stopped.
control stop "$unit" >/dev/null 2>&1
[ "$(shown RuntimeDirectoryPreserve)" = restart ] && control clean --what=runtime "$unit" >/dev/null 2>&1
# Starts by deployments must not count either: systemd refuses the sixth in ten seconds, and going back takes several.
control reset-failed "$unit" >/dev/null 2>&1
message=$(control start "$unit" 2>&1) || case $message in
    *"Job for"*|"") fail "it does not start" ;;
    *) fail "systemctl start: $message" ;;
esac
restarts=$(shown NRestarts)
left=$seconds
while :; do
    state=$(shown ActiveState)
    [ "$state" = active ] || fail "it is $state"
    [ "$(shown NRestarts)" = "$restarts" ] || fail "it exits and is restarted"
    [ "$left" -gt 0 ] || break
    sleep 1
    left=$((left - 1))
done
if [ -n "$url" ]; then
    message=$("$python" -c '
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    opener.open(sys.argv[1], timeout=30).read()
except Exception as error:
    sys.exit("%s: %s" % (sys.argv[1], error))
' "$url" 2>&1 </dev/null) || fail "$message"
fi
echo "state=active"
echo "healthy=yes"
