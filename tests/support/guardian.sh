#!/bin/sh
# Reads directories and files, one a line, until all who may write lines have ended, however that came about. Then ends
# what was started with such a path among its words (prismd, PostgreSQL), and removes the path.
set -eu
paths=''
while read -r path; do paths="$paths $path"; done

for path in $paths; do
	[ -e "$path" ] || continue
	tries=0
	while [ "$tries" -lt 100 ] && pkill -INT -f -- "$path"; do # both know it as: soon, but in order
		tries=$((tries + 1))
		sleep 0.05
	done
	pkill -KILL -f -- "$path" || true
	# A PostgreSQL that was killed left its shared memory behind: line 7 has the key and the id.
	find "$path" -name postmaster.pid -exec sed -n '7s/.* //p' {} \; | while read -r id; do
		ipcrm -m "$id" 2>/dev/null || true
	done
	rm -rf -- "$path"
done
