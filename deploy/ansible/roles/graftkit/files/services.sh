# The services of a store, a line each: name, scope, whether active, address to ask for health (or -).
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
        state=$(if [ $scope = user ]; then systemctl --user is-active "$name"; else systemctl is-active "$name"; fi 2>/dev/null)
        echo "$name $scope ${state:-unknown} $(health "$line")"
    done
done
