# The services of a store, a line each: name, scope, whether active, address to ask for health (or -), and "stale" if it
# runs an earlier model than the current one, or fails; else "fresh".
# $1: the store; then names, or none for every unit whose command names the store.
store=$1
shift
command -v systemctl >/dev/null || exit 0
[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR="/run/user/$(id -u)"

health() { # COMMAND LINE
    case $1 in *" serve "*) ;; *) echo - && return ;; esac
    host=$(printf '%s\n' "$1" | sed -n 's/.*--host[ =]"\{0,1\}\([^ "]*\).*/\1/p')
    port=$(printf '%s\n' "$1" | sed -n 's/.*--port[ =]\([0-9]*\).*/\1/p')
    case $host in "" | 0.0.0.0 | :: | localhost) host=127.0.0.1 ;; *:*) host="[$host]" ;; esac
    echo "http://$host:${port:-8000}/healthz"
}

since=$(stat -c %Y "$store/current" 2>/dev/null)

age() { # SCOPE NAME STATE
    case $3 in failed | activating | deactivating) echo stale && return ;; active) ;; *) echo fresh && return ;; esac
    entered=$(ask "$1" show -p ActiveEnterTimestamp "$2" | sed -n 's/^ActiveEnterTimestamp=//p')
    entered=$([ -n "$entered" ] && date -d "$entered" +%s 2>/dev/null)
    if [ "${entered:-0}" -lt "${since:-0}" ]; then echo stale; else echo fresh; fi
}

ask() { # SCOPE ARGUMENTS...
    if [ "$1" = user ]; then shift && systemctl --user "$@"; else shift && systemctl "$@"; fi </dev/null 2>/dev/null
}

wanted() { # NAME COMMAND LINE NAMES...
    name=$1 line=$2
    shift 2
    if [ $# = 0 ]; then
        case $line in *"$store/"*) return 0 ;; *) return 1 ;; esac
    fi
    for each in "$@"; do
        case $name in "$each" | "$each.service") return 0 ;; esac
    done
    return 1
}

for folder in /etc/systemd/system "${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user"; do
    scope=user
    [ "$folder" = /etc/systemd/system ] && scope=system
    for file in "$folder"/*.service; do
        [ -f "$file" ] || continue
        name=${file##*/}
        line=$(sed -n 's/^ExecStart=//p' "$file" | tail -n 1 | sed 's/%%/%/g')
        wanted "$name" "$line" "$@" || continue
        state=$(ask $scope is-active "$name")
        echo "$name $scope ${state:-unknown} $(health "$line") $(age $scope "$name" "$state")"
    done
done
