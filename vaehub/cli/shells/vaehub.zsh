#compdef vaehub
# zsh completion of vaehub: eval "$(vaehub completion zsh)", after compinit

_vaehub() {
    local besides line word about
    local -a lines shown
    lines=("${(@f)$("${(Q)words[1]}" __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    besides=${lines[1]}
    for line in "${(@)lines[2,-1]}"; do
        [[ -n $line ]] || continue
        word=${line%%$'\t'*}
        about=${line#*$'\t'}
        [[ $about == "$line" ]] && about=''
        shown+=("${word//:/\\:}${about:+:$about}")
    done
    (( $#shown )) && _describe -V vaehub shown
    case $besides in
        folders)
            compset -P '--*='
            _path_files -/
            ;;
        files)
            compset -P '--*='
            _path_files
            ;;
    esac
}

if [[ ${funcstack[1]} == _vaehub ]]; then
    _vaehub "$@"
else
    compdef _vaehub vaehub
fi
