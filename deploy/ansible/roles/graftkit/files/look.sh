# Describes a board, a line each. $1: the store, empty for the usual one; $2: the Python for the kit; $3: the program that
# finds the packages that fit it.
store=${1:-${GRAFT_STORE:-}}
if [ -z "$store" ]; then
    if [ "$(id -u)" = 0 ]; then store=/var/lib/graftkit; else store=${XDG_DATA_HOME:-$HOME/.local/share}/graftkit; fi
fi
case $store in
    "~"/*) store=$HOME/${store#"~/"} ;;
    /*) ;;
    *) store=$PWD/$store ;;
esac
echo "store=$store"
if [ -f "$store/current/model.tflite" ]; then echo "sha256=$(sha256sum <"$store/current/model.tflite" | cut -d ' ' -f 1)"; fi
echo "kit=$(cat "$store/venv/kit.json" 2>/dev/null || echo '{}')"
# One that does not start is none.
program=$store/venv/bin/graft-device
if "$program" --version </dev/null >/dev/null 2>&1; then echo "program=$program"; else echo program=; fi
if machine=$("$2" -I -c "$3" 2>/dev/null); then echo "machine=$machine"; else echo 'machine={}'; fi
echo "rsync=$(command -v rsync)"
# Under sudo, rsync must become the same user.
echo "sudo_to=${SUDO_USER:+$(id -un)}"
