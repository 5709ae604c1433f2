#!/usr/bin/env bash
# dist.sh: writes dist/drugembed-VERSION.tar.gz and .zip (PGXN's form) of the last commit, without history.
source "$(dirname "$0")/lib.sh"

NAME="drugembed-$(version)"
cd "$ROOT"
[ -z "$(git status --porcelain --untracked-files=no)" ] || say "note: the archive is of the last commit, not of what has been changed since"
python3 -c "import json, sys; sys.exit(json.load(open('META.json'))['version'] != sys.argv[1])" "$(version)" ||
    die "META.json does not say version $(version)"
mkdir -p dist
git archive --prefix="$NAME/" --output "dist/$NAME.tar.gz" HEAD
git archive --prefix="$NAME/" --output "dist/$NAME.zip" HEAD
say "dist/$NAME.tar.gz ($(du -k "dist/$NAME.tar.gz" | cut -f 1) kB), dist/$NAME.zip"
