# Looks at a board and changes nothing; prints KEY=VALUE lines for probe.py. Arguments: STORE (or empty), MODEL-ID, UNIT.
# Plain POSIX sh: a board may have only busybox.
store=$1 id=$2 unit=$3
put() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"; }
has() { command -v "$1" >/dev/null 2>&1; }

uid=$(id -u)
put user "$(id -un)"
put uid "$uid"
put os "$(. /etc/os-release 2>/dev/null; printf '%s' "${PRETTY_NAME:-$(uname -s)}")"
put kernel "$(uname -sm)"
has sudo && sudo -n true </dev/null >/dev/null 2>&1 && put sudo yes
has rsync && rsync --version </dev/null >/dev/null 2>&1 && put rsync yes

if [ -z "$store" ]; then
    if [ -n "$GRAFT_STORE" ]; then store=$GRAFT_STORE
    elif [ "$uid" = 0 ]; then store=/var/lib/graftkit
    elif [ -n "$XDG_DATA_HOME" ]; then store=$XDG_DATA_HOME/graftkit
    else store=$HOME/.local/share/graftkit
    fi
fi
case $store in
    "~"/*) store=$HOME/${store#"~/"} ;;
    /*) ;;
    *) store=$PWD/$store ;;
esac
put store "$store"

place=$store
while [ ! -d "$place" ] && [ "$place" != / ]; do place=$(dirname "$place"); done
[ -w "$place" ] && put writable yes
put place "$place"
put free "$(df -Pk "$place" 2>/dev/null | awk 'NR == 2 { print $4 }')"
mount=$(df -Pk "$place" 2>/dev/null | awk 'NR == 2 { print $6 }')
put mount "$(awk -v at="$mount" '$2 == at { found = $4 } END { print found }' /proc/mounts 2>/dev/null)"

# Runs on any Python since 2.6, so that a Python that is too old can be named.
look='
import os, platform, struct, sys
def has(name):
    try:
        import importlib.util as u
        return getattr(u.find_spec(name), "origin", None) is not None
    except Exception:
        return False
def version(name):
    try:
        from importlib.metadata import version
        return version(name)
    except Exception:
        return "?"
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
except Exception:
    libc = ""
found = [("picamera2", "picamera2"), ("numpy", "numpy"), ("PIL", "pillow")]
packages = ["%s:%s" % (p, version(p)) for m, p in found if has(m)]
fields = [".".join(map(str, sys.version_info[:3])), str(struct.calcsize("P") * 8), platform.machine(), libc,
          "venv" if has("venv") and has("ensurepip") else "", ",".join(packages), os.path.realpath(sys.executable)]
print("|".join(fields))
'
seen=
for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 python; do
    path=$(command -v "$name" 2>/dev/null) || continue
    answer=$(cd / && "$path" -I -c "$look" </dev/null 2>/dev/null || "$path" -c "$look" </dev/null 2>/dev/null) || continue
    case $seen in *"<${answer##*|}>"*) continue ;; esac
    seen="$seen<${answer##*|}>"
    put python "$path|$answer"
done

if [ -d "$store" ] && [ ! -f "$store/graftkit-store" ]; then
    for one in "$store"/* "$store"/.[!.]* "$store"/..?*; do
        [ -e "$one" ] || [ -L "$one" ] || continue
        case ${one##*/} in # the list of graft_device.store.ownership
            slots|staging|incoming|kits|queue|lost+found|"System Volume Information"|current|previous|venv|.venv.new) ;;
            allowed_signers|lock|newest|switch.json|.deploy.lock|.kits.lock|.newest.*.tmp|.switch.json.*.tmp) ;;
            *) put foreign "${one##*/}"; break ;;
        esac
    done
fi
if [ -d "$store" ]; then
    if [ -f "$store/venv/kit.json" ]; then
        put kit "$(cat "$store/venv/kit.json")"
        "$store/venv/bin/graft-device" --version </dev/null >/dev/null 2>&1 && put kit_works yes
    fi
    used=$(basename "$(readlink "$store/venv" 2>/dev/null)")
    for one in $(ls -t "$store/kits" 2>/dev/null); do
        [ "$one" != "$used" ] && [ -f "$store/kits/$one/kit.json" ] && put earlier_kit "$one" && break
    done
    [ -f "$store/allowed_signers" ] && put signers "$(sha256sum <"$store/allowed_signers" | cut -d ' ' -f 1)"
    for link in current previous; do
        [ -L "$store/$link" ] && put "$link" "$(basename "$(readlink "$store/$link")")"
    done
    if [ -f "$store/current/model.tflite" ]; then
        put slot "$(cat "$store/current/slot.json" 2>/dev/null)"
        put sha256 "$(sha256sum <"$store/current/model.tflite" | cut -d ' ' -f 1)"
        put since "$(stat -c %Y "$store/current" 2>/dev/null)"
    fi
    for part in "$store/incoming/$id/.partial/model.tflite" "$store/incoming/$id/model.tflite.part"; do
        [ -f "$part" ] && put partial "$(wc -c <"$part")"
    done
    left=0
    for one in "$store"/incoming/kit-???????????? "$store"/incoming/????????????????; do
        [ -d "$one" ] && [ ! -L "$one" ] && [ "${one##*/}" != "$id" ] || continue
        name=${one##*/}
        case ${name#kit-} in *[!0-9a-f]*) continue ;; esac
        size=$(du -sk "$one" 2>/dev/null | cut -f 1)
        left=$((left + ${size:-0}))
    done
    [ "$left" -gt 0 ] && put leftovers "$left"
fi

[ -n "$XDG_RUNTIME_DIR" ] || export XDG_RUNTIME_DIR=/run/user/$uid
ask() { scope=$1; shift; if [ "$scope" = user ]; then systemctl --user "$@"; else systemctl "$@"; fi </dev/null 2>/dev/null; }
if has systemctl; then
    case $(ask system is-system-running) in ""|offline|unknown) ;; *) put systemd yes ;; esac
    report() { # SCOPE FILE
        name=$(basename "$2")
        put unit "$1|$name|$(sed -n 's/^ExecStart=//p' "$2" 2>/dev/null | tail -n 1)"
        shown=$(ask "$1" show -p ActiveState -p NRestarts -p ActiveEnterTimestamp "$name")
        put active "$(printf '%s\n' "$shown" | sed -n 's/^ActiveState=//p')"
        put restarts "$(printf '%s\n' "$shown" | sed -n 's/^NRestarts=//p')"
        entered=$(printf '%s\n' "$shown" | sed -n 's/^ActiveEnterTimestamp=//p')
        [ -n "$entered" ] && put entered "$(date -d "$entered" +%s 2>/dev/null)"
    }
    for folder in /etc/systemd/system "${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user"; do
        scope=user; [ "$folder" = /etc/systemd/system ] && scope=system
        for file in "$folder"/*.service; do
            [ -f "$file" ] || continue
            if [ -n "$unit" ]; then
                [ "$(basename "$file")" = "$unit" ] && report $scope "$file"
            elif grep -q '^ExecStart=' "$file" 2>/dev/null && grep '^ExecStart=' "$file" | sed 's/%%/%/g' | grep -qF "$store/"; then
                report $scope "$file"
            fi
        done
    done
fi
put end yes
