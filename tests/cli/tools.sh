#!/bin/bash
# tools.sh - what helps people who change bootreel: make compile_commands.json, make words, scripts/pre-commit.
. "$(dirname "$0")/../lib.sh"
[ -e .git ] || skip_all "no git"

# Each file of the program is in the compilation database, with a command that compiles it.
expect 0 database build compile_commands.json
python3 - >"$work/database" <<'END' || fail "compile_commands.json: $(tail -n 1 "$work/database")"
import json, os, subprocess
entries = json.load(open("compile_commands.json"))
have = {e["file"] for e in entries}
want = subprocess.run(["git", "ls-files", "core/*.c", "traces/*.c", "hv/*.c", "uml/*.c", "cli/*.c", "tui/*.c", "gdbstub/*.c", "bios/*.c", "tests/unit/test_*.c"],
                      stdout=subprocess.PIPE, universal_newlines=True).stdout.split()
lack = [f for f in want if f not in have]
assert not lack, lack
assert any(f.endswith(".pb-c.c") for f in have), "generated files"
assert all(e["directory"] == os.getcwd() for e in entries)
kinds = [e for e in entries if e["file"] == "hv/board/kinds.c"]
subprocess.run(kinds[0]["command"].replace(" -c ", " -fsyntax-only ").replace("-o " + kinds[0]["output"], ""), shell=True, check=True)
END

# In a copy, so that this checkout is left alone.
git clone -q --shared . "$work/copy" 2>"$work/clone.err" || skip_all "no git: $(tail -n 1 "$work/clone.err")"
cp scripts/words scripts/words.list scripts/pre-commit "$work/copy/scripts/"
cd "$work/copy" || exit 2
expect 0 words scripts/words
printf 'Whoever reads this waits for ever, in place of a week.\n' >>docs/diff.md
expect 1 habits scripts/words
for better in 'name the caller' forever 'instead of'; do holds "$work/habits.out" "^docs/diff.md:[0-9]+:.*<- $better" "scripts/words"; done
git checkout -q docs/diff.md
git config user.name t && git config user.email t@t.invalid
ln -sf "$PWD/scripts/pre-commit" "$(git rev-parse --git-path hooks)/pre-commit"
echo 'A sentence.' >>docs/diff.md
expect 0 commit git commit -q -m "a document" docs/diff.md
echo '#include "hv/hv.h"' >>core/why/why.c
expect 1 layers git commit -q -m "up the stairs" core/why/why.c
holds "$work/layers.err" 'core/why/why.c: includes "hv/hv.h"' "the layers before a commit"
git checkout -q HEAD core/why/why.c
echo '#include "core/why/why.h"' >>core/story/marks.c
expect 1 floors git commit -q -m "up the stairs" core/story/marks.c
holds "$work/floors.err" 'core/story/marks.c: includes "core/why/why.h": core/why is on floor ' "the floors before a commit"
git checkout -q HEAD core/story/marks.c
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    printf 'int  x  ( void ){return 0;}\n' >>core/why/why.c
    expect 1 format git commit -q -m "not formatted" core/why/why.c
    holds "$work/format.err" 'core/why/why.c: not formatted' "the format before a commit"
fi
finish
