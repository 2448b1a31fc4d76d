# What zsh offers at the end of a command line, a line each. Usage: zsh complete.zsh FOLDER_OF_COMPLETIONS LINE
# An interactive zsh in a pseudo-terminal gets LINE and a tab; its compadd prints what it would have offered.
zmodload zsh/zpty || exit 1
zpty shell zsh -f -i
zpty -w shell "PROMPT= KEYTIMEOUT=1; fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste"
zpty -w shell 'compadd() { [[ ${@[1,(i)(-|--)]} == *-[OAD](| *) ]] && { builtin compadd "$@"; return }
local -a hits; builtin compadd -A hits "$@"; print -l -- "offer:"$^hits; builtin compadd "$@" }'
zpty -w shell 'finish() { print offers-end; exit }; zle -N finish; bindkey "^I" complete-word "^X" finish'
zpty -w shell 'stty -echo 2>/dev/null; print shell"-ready"'
zpty -r -m shell seen '*shell-ready*' || exit 1
zpty -w -n shell "$2"$'\t'$'\x18'
zpty -r -m shell seen '*offers-end*' || exit 1
print -r -- $seen | tr -d '\r' | sed -n 's/.*offer://p' | sort -u
zpty -d shell
