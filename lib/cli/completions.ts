/*
 * The scripts that let a shell complete fsq. They know nothing of it: they hand the words to
 * `fsq __complete` (complete.ts) and show what that says, so that no list of commands or flags has to be
 * kept beside the one by which command lines are read.
 */

/** A script in which `@{` stands for the `${` of shells, which here means something else. */
function script({ raw }: TemplateStringsArray): string {
  return raw.join('').replaceAll('@{', '${')
}

const bash = script`# fsq completion for bash: eval "$(fsq completion bash)"
_fsq() {
  local rest=@{COMP_LINE:0:COMP_POINT} word start line kind i
  local -a words=() answer=()
  # bash takes words apart at = and : too; what touches belongs together.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    start=@{rest#"@{rest%%[![:space:]]*}"}
    word=@{COMP_WORDS[i]}
    ((i == COMP_CWORD)) && word=$start
    if ((i > 0)) && [[ $start == "$rest" && -n $word ]]; then
      words[@{#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    rest=@{start#"$word"}
  done
  local full=@{words[@{#words[@]} - 1]} piece=@{COMP_WORDS[COMP_CWORD]}
  [[ $piece == [=:] ]] && piece=
  local prefix=@{full%"$piece"}
  [[ $full == [\"\']* ]] && prefix=
  for i in "@{!words[@]}"; do
    words[i]=@{words[i]//[\\\"\']/}
  done
  mapfile -t answer < <(command "@{words[0]}" __complete "@{words[@]:1}" 2>/dev/null)
  kind=@{answer[0]}
  COMPREPLY=()
  case $kind in
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$piece") ;;
    commands) mapfile -t COMPREPLY < <(compgen -c -- "$piece") ;;
    *)
      for line in "@{answer[@]:1}"; do
        word=@{line%%$'\t'*}
        # Within quotes it is taken as it is.
        [[ $full == [\"\']* ]] || printf -v word %q "$word"
        COMPREPLY+=("@{word#"$prefix"}")
      done
      ;;
  esac
}
complete -F _fsq fsq
`

const zsh = script`#compdef fsq
# fsq completion for zsh: source <(fsq completion zsh), or as _fsq in a directory of $fpath
_fsq() {
  local -a answer found shown
  local line
  answer=("@{(@f)$(command "@{(@Q)words[1]}" __complete "@{(@Q)words[2,CURRENT]}" 2>/dev/null)}")
  case $answer[1] in
    files) _files ;;
    commands) _command_names -e ;;
    *)
      for line in "@{(@)answer[2,-1]}"; do
        [[ -n $line ]] || continue
        found+=("@{line%%$'\t'*}")
        shown+=("@{line/$'\t'/  }")
      done
      compadd -l -d shown -a found
      ;;
  esac
}
if [[ @{funcstack[1]} == _fsq ]]; then
  _fsq "$@"
else
  compdef _fsq fsq
fi
`

const fish = script`# fsq completion for fish: fsq completion fish | source
function __fsq_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l answer (command $words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    switch "$answer[1]"
        case files
            __fish_complete_path "$current"
        case commands
            __fish_complete_command
        case '*'
            printf '%s\n' $answer[2..-1]
    end
end
complete -c fsq -f -a '(__fsq_complete)'
`

/** The script for each shell. */
export const completions = { bash, zsh, fish } as const
