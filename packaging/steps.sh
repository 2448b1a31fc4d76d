# shellcheck shell=bash
# Headings with durations, for demo.sh, test.sh and .ci/run (bash; sourced).
# heading TEXT begins a step and says how long the one before took; finish_steps ends the last one with the total.
steps_began=$EPOCHREALTIME
step_began=

seconds_since() {
    LC_ALL=C awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

end_step() {
    [ -z "$step_began" ] || printf '    (%s s)\n' "$(seconds_since "$step_began")"
    step_began=
}

heading() {
    end_step
    step_began=$EPOCHREALTIME
    printf '\n==> %s\n' "$1"
}

finish_steps() {
    end_step
    printf '\n%s in %s s\n' "$1" "$(seconds_since "$steps_began")"
}

# Everything here works from any folder and needs /proc and /dev, which a bare chroot does not have by itself.
require_system() {
    if [ ! -r /proc/self/stat ]; then
        echo "$1: /proc is not mounted here; first: mount -t proc proc /proc" >&2
        exit 1
    fi
    if [ ! -c /dev/null ] || [ ! -c /dev/urandom ]; then
        echo "$1: /dev has no null or urandom; first, outside of the chroot: mount --bind /dev CHROOT/dev" >&2
        exit 1
    fi
}
