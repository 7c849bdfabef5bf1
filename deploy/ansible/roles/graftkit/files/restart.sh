# Restarts a unit; says why it does not start, if so. $1: system or user; $2: the unit.
# It goes on where the connection is lost: a unit that stayed stopped would be taken for one that somebody stopped.
trap '' HUP PIPE
[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR="/run/user/$(id -u)"
control() { if [ "$1" = user ]; then shift && systemctl --user "$@"; else shift && systemctl "$@"; fi </dev/null; }

# Not 'restart': a unit that lengthens its waits counts those, and is to begin anew.
control "$1" stop "$2" >/dev/null 2>&1
case $(control "$1" show -p RuntimeDirectoryPreserve "$2" 2>/dev/null) in
    *=restart) control "$1" clean --what=runtime "$2" >/dev/null 2>&1 ;;
esac
# Nor do the starts of deployments count: systemd refuses the sixth in ten seconds, and a way back takes several.
control "$1" reset-failed "$2" >/dev/null 2>&1
said=$(control "$1" start "$2" 2>&1) && exit 0
case $said in
    *"Job for"* | "") echo "$2 does not start" ;;
    *) echo "$2: $said" | head -n 1 ;;
esac
exit 1
