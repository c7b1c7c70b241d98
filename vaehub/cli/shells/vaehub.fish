# fish completion of vaehub: vaehub completion fish | source

function __vaehub_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l lines ($words[1] __complete fish $words[2..-1] "$current" 2>/dev/null)
    set -l option (string match -r -- '^--[^=]*=' $current)
    set -l begun (string replace -r -- '^--[^=]*=' '' $current)
    set -l found
    switch "$lines[1]"
        case folders
            set found (__fish_complete_directories "$begun")
        case files
            set found (__fish_complete_path "$begun")
    end
    printf '%s\n' $lines[2..-1] "$option"$found
end

complete -c vaehub -f -a '(__vaehub_complete)'
