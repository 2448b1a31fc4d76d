# bash completion for taskdns.
# Commands and options are read from `taskdns ... --help`, so that there is no second list of them to go stale; names of
# services come from the running daemon (`taskdns status --json`), if there is one.

# The items of one SECTION of a help text on standard input, a line each: `-c,--config FILE   YAML file ...`.
_taskdns_items() {
    local line section=
    while IFS= read -r line; do
        case $line in
            "  "[!\ ]*) [[ ${section,,} != "$1" ]] || printf '%s\n' "${line#  }" ;;
            *:) section=${line%:} ;;
            *) section= ;;
        esac
    done
}

# The options' names; with an argument, what the option of that name wants: FILE, ADDRESS:PORT, or nothing.
_taskdns_options() {
    local names type rest name
    while read -r names type rest; do
        for name in ${names//,/ }; do
            if [[ $# -eq 0 ]]; then
                printf '%s\n' "$name"
            elif [[ $name == "$1" && $type =~ ^[A-Z][][A-Z:]+$ ]]; then
                printf '%s\n' "$type"
            fi
        done
    done < <(_taskdns_items options <<<"$help")
}

_taskdns_services() {
    "$program" status --json "${where[@]}" 2>/dev/null | sed -n 's/^      "name": "\([^"]*\)".*/\1/p'
}

_taskdns() {
    local program=$1 current=$2 help word wants= i
    local -a route=() where=() names
    COMPREPLY=()
    help=$("$program" --help 2>/dev/null) || return
    for ((i = 1; i < COMP_CWORD; ++i)); do
        word=${COMP_WORDS[i]}
        if [[ -n $wants ]]; then # an option's value; bash splits 127.0.0.1:8053 into three words
            where[-1]+=$word
            [[ ${COMP_WORDS[i + 1]} == : || $word == : ]] || wants=
        elif [[ $word == -- ]]; then # from here on it is somebody else's command line
            mapfile -t COMPREPLY < <(compgen -c -f -- "$current")
            return
        elif [[ $word == -* ]]; then
            wants=$(_taskdns_options "$word")
            [[ -z $wants ]] || where+=("$word" "")
        elif _taskdns_items subcommands <<<"$help" | grep -q "^$word "; then
            route+=("$word")
            help=$("$program" "${route[@]}" --help 2>/dev/null) || return
        fi
    done
    if [[ -n $wants ]]; then
        [[ $wants != FILE ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
    fi
    if [[ $current == -* ]]; then
        mapfile -t names < <(_taskdns_options)
    else
        mapfile -t names < <(_taskdns_items subcommands <<<"$help" | cut -d' ' -f1)
        case $(_taskdns_items positionals <<<"$help") in
            "name "*) mapfile -t names < <(_taskdns_services) ;;
            *FILE*) mapfile -t COMPREPLY < <(compgen -f -- "$current") && return ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "${names[*]}" -- "$current")
}
complete -o filenames -F _taskdns taskdns
