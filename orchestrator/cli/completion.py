"""`sluice completion`: scripts that ask `sluice __complete` for what fits."""

from typing import Annotated, Literal

from cyclopts import Parameter

from orchestrator.cli.exits import Exit
from orchestrator.cli.output import show
from orchestrator.cli.text import line

# Bash ends a word at each colon. So the line is split here, by white space alone, and from what fits is taken off what
# bash holds for words that are done.
_BASH = """\
_sluice() {
    local line=${COMP_LINE:0:COMP_POINT} words current found before
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    COMPREPLY=()
    while IFS= read -r found; do
        [[ $found == "$current"* ]] && COMPREPLY+=("$found")
    done < <(sluice __complete "${words[@]:1}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default 2>/dev/null
    elif [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
        before=${current%"${current##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}
complete -F _sluice sluice
"""
_ZSH = """\
#compdef sluice
_sluice() {
    local -a found
    found=("${(@f)$(sluice __complete "${words[@]:1:$((CURRENT-1))}" 2>/dev/null)}")
    if [[ -n "$found" ]]; then
        compadd -- "${found[@]}"
    else
        _files
    fi
}
if [[ $funcstack[1] == _sluice ]]; then
    _sluice "$@"
else
    compdef _sluice sluice
fi
"""
_FISH = """\
function __sluice_complete
    set -l words (commandline -opc) (commandline -ct)
    sluice __complete $words[2..-1] 2>/dev/null
end
complete -c sluice -f -a '(__sluice_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
Shell = Literal["bash", "zsh", "fish"]


def completion(shell: Annotated[Shell, Parameter(help="bash, zsh or fish.")], /) -> Exit:
    """Print the script for a shell, e.g. `source <(sluice completion bash)`."""
    show([line(row) for row in SCRIPTS[shell].rstrip("\n").split("\n")])
    return Exit.OK
