"""`sluice completion`: scripts that ask `sluice __complete` for what fits."""

from typing import Annotated, Literal

from cyclopts import Parameter

from orchestrator.cli.exits import Exit
from orchestrator.cli.output import show
from orchestrator.cli.text import line

# A colon begins a new word in bash: what stands before it is taken off again, as __ltrim_colon_completions does.
_BASH = """\
_sluice() {
    local cur words cword found
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n : cur words cword
    else
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur="${COMP_WORDS[COMP_CWORD]}"
    fi
    COMPREPLY=()
    while IFS= read -r found; do
        [[ $found == "$cur"* ]] && COMPREPLY+=("$found")
    done < <(sluice __complete "${words[@]:1:cword}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default 2>/dev/null
    elif declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "$cur"
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
