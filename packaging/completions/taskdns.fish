# fish completion for taskdns.
# Commands and options are read from `taskdns ... --help`, so that there is no second list of them to go stale; names of
# services come from the running daemon (`taskdns status --json`), if there is one.

# The items of one SECTION of a help text on standard input, a line each: `-c,--config FILE   YAML file ...`.
function __taskdns_items
    set -l section ''
    while read -l line
        if string match -qr '^  \S' -- $line
            test "$section" = $argv[1]; and string sub -s 3 -- $line
        else
            set section (string lower -- (string replace -r ':$' '' -- $line))
        end
    end
end

function __taskdns_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    set -l route
    set -l where
    set -l wants ''
    set -l help ($program --help 2>/dev/null); or return
    set -l separator (contains -i -- -- $words)
    if test -n "$separator" # from here on it is somebody else's command line
        complete -C (string join ' ' -- (string escape -- $words[(math $separator + 1)..-1]) $current)
        return
    end
    for word in $words[2..-1]
        if test -n "$wants"
            set where $where $word
            set wants ''
        else if string match -q -- '-*' $word
            set wants (printf '%s\n' $help | __taskdns_items options |
                string match -gr -- '^(?:\S+,)?'(string escape --style=regex -- $word)' ([A-Z][]A-Z:[]+)(?: |$)')
            test -n "$wants"; and set where $where $word
        else if printf '%s\n' $help | __taskdns_items subcommands | string match -qr -- '^'(string escape --style=regex -- $word)' '
            set route $route $word
            set help ($program $route --help 2>/dev/null); or return
        end
    end
    if test -n "$wants"
        test "$wants" = FILE; and __fish_complete_path $current
        return
    end
    if string match -q -- '-*' $current
        for item in (printf '%s\n' $help | __taskdns_items options)
            set -l text (string replace -r '^\S+( [A-Z][]A-Z:[]+)? +' '' -- $item)
            for name in (string split , -- (string match -r '^\S+' -- $item))
                printf '%s\t%s\n' $name $text
            end
        end
        return
    end
    printf '%s\n' $help | __taskdns_items subcommands | string replace -r ' +' \t
    switch (printf '%s\n' $help | __taskdns_items positionals)[1]
        case 'name *'
            $program status --json $where 2>/dev/null | string match -gr '^      "name": "([^"]*)"'
        case '*FILE*'
            __fish_complete_path $current
    end
end

complete -c taskdns -f -a '(__taskdns_complete)'
