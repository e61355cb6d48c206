# Completion for bash: verbs, options and methods of prismctl, prism-db and prismd, asked of the programs themselves.

# What --help says: options of the program, and of the verb where it has help of its own.
_prism_options() {
	"$@" --help 2>/dev/null | grep -oE -- '--[a-z][a-z-]+' | sort -u
}

_prism_verbs() {
	"$1" --help 2>/dev/null | sed -nE 's/^  ([a-z][a-z-]*)( .*)?$/\1/p'
}

# The first word that is no option, and no value of one of prismctl's.
_prism_verb() {
	local word value=''
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		[[ $word == -* || $value ]] || { printf '%s' "$word" && return; }
		value=''
		case $word in
		-[akuHton] | --address | --key-file | --actor | --metadata | --timeout | --output | --count | --retries | --organization) value=1 ;;
		esac
	done
}

# Methods that "$1" may call: its own, or with --grpc those of the server that is named.
_prism_methods() {
	local program=$1 options=() i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--grpc) options+=(--grpc --timeout 2) ;;
		-a | --address) options+=(--address "${COMP_WORDS[i + 1]}") ;;
		esac
	done
	"$program" "${options[@]}" list --output table 2>/dev/null | sed -nE 's/^([^ ]+\/[^ ]+) .*/\1/p'
}

_prism() {
	local program=${COMP_WORDS[0]} name=${COMP_WORDS[0]##*/} current=${COMP_WORDS[COMP_CWORD]} verb words=''
	verb=$(_prism_verb)
	if [[ $current == -* && $name == prism-db && $verb ]]; then
		words=$(_prism_options "$program" "$verb")
	elif [[ $current == -* ]]; then
		words=$(_prism_options "$program")
	elif [[ $verb == call || $verb == describe ]]; then
		words=$(_prism_methods "$program")
	elif [[ ! $verb && $name != prismd ]]; then
		words=$(_prism_verbs "$program")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
	((${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

complete -F _prism prismctl prism-db prismd
