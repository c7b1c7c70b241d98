# bash completion of vaehub: eval "$(vaehub completion bash)"

_vaehub() {
    # What is to be replaced is the second argument: bash takes words apart at = : @ and hands over
    # the last piece, with an @ where it begins with one.
    local line besides='' piece=${2-${COMP_WORDS[COMP_CWORD]}}
    local program=${COMP_WORDS[0]/#\~/$HOME}
    case $piece in
        [=:]) piece='' ;;
    esac
    COMPREPLY=()
    while IFS= read -r line; do
        if [ -z "$besides" ]; then
            besides=$line
        else
            COMPREPLY+=("$line")
        fi
    done < <("${program:-vaehub}" __complete bash "$piece" \
        "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case $besides in
        folders)
            compopt -o filenames -o plusdirs 2>/dev/null ||
                while IFS= read -r line; do
                    COMPREPLY+=("$line")
                done < <(compgen -d -- "$piece")
            ;;
        files)
            compopt -o filenames -o default 2>/dev/null ||
                while IFS= read -r line; do
                    COMPREPLY+=("$line")
                done < <(compgen -f -- "$piece")
            ;;
    esac
}

complete -F _vaehub vaehub
