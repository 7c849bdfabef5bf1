# What a board has, a line each. $1: the store, empty for the usual one; $2: the Python for the kit.
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
echo "kit=$(cat "$store/venv/kit.json" 2>/dev/null || echo '{}')"
# One that does not start is none.
program=$store/venv/bin/graft-device
if "$program" --version </dev/null >/dev/null 2>&1; then echo "program=$program"; else echo program=; fi
# Its version, and the extra that brings a runtime: LiteRT where there are wheels of it, else tflite-runtime.
"$2" -c 'import sys
print("python=%d.%d" % sys.version_info[:2])
print("runtime=" + ("litert" if sys.maxsize > 2**32 and sys.version_info >= (3, 10) else "device"))' || printf 'python=\nruntime=\n'
echo "rsync=$(command -v rsync)"
# Under sudo, rsync has to become the same user.
echo "sudo_to=${SUDO_USER:+$(id -un)}"
