#!/bin/bash
# lines.sh - the lines of README.md and docs/recipes.md, as they stand there, in the order in which they stand, in a folder that looks like a
# checkout after `make demo`. Each must exit with 0 (`diff`, which finds differences, with 1).
#
# A block of indented lines is run as one script. Those of the table below are not; why, it says. The sessions of README.md (tests/pages.py)
# are run with the kernel of `make demo`.
#
#   tests/boot/lines.sh [readme|recipes]...
. "$(dirname "$0")/../lib.sh"
only=" $* "
need_guests
for group in cloud ovmf hvm uml xen; do need_group "$group"; done
unset BOOTREEL DEBUGINFOD_URLS

# The beginning of a block's first line, and why it is not run here.
not_run() {
    cat <<'END'
make demo|tests/fresh
#!/bin/sh|tests/boot/recipes.sh
ignore console|rules, which tests/boot/recipes.sh uses
apt-get download u-boot-qemu|make test-loaders
./configure --arch|kvm-unit-tests are not Debian's
git bisect|tests/boot/recipes.sh
bootreel diff --ignore 'all way=added'|a part of the recipe for bisecting
bootreel events ../now.reel|a part of the recipe for bisecting
bootreel record --memory 1G|tests/boot/xen-domu.sh
END
}

# The guests of .cache/guests; the kernel is the small one, which boots in a fifth of the time.
link_guests() { # FOLDER
    mkdir -p "$1"
    ln -s "$GUESTS"/* "$1"
    ln -sf "$GUESTS/other/cloud/vmlinuz" "$1/vmlinuz"
}

# Who sits at the terminal of the program: leaves the terminal interface, or ends the guest's shell.
person() {
    cat >"$work/person.py" <<'END'
import os, pty, select, sys, time
program, arguments = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execv(program, ["bootreel"] + arguments)
shell, seen, next_key = "-i" in arguments, b"", time.monotonic() + 2
while True:
    try:
        if select.select([terminal], [], [], 0.2)[0]:
            seen = (seen + os.read(terminal, 65536))[-4096:]
    except OSError:
        break
    if shell and b"/ # " in seen:
        os.write(terminal, b"exit\n")
        shell, seen = False, b""
    elif "-i" not in arguments and time.monotonic() > next_key:
        os.write(terminal, b"q")
        next_key += 1
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

# ./bootreel, or bootreel in the PATH: with a person at a terminal where one is needed.
shim() { # FILE
    cat >"$1" <<END
#!/bin/sh
case " \$* " in
" tui "* | *" --tui "* | *" -i "*) exec python3 "$work/person.py" "$top/bootreel" "\$@" ;;
esac
exec "$top/bootreel" "\$@"
END
    chmod +x "$1"
}

# Blocks of indented lines, in files: block.1, block.2 …
blocks() { # DOCUMENT
    awk '/^```/ { fenced = !fenced }
        !fenced && /^    / { if (!inside) n++; inside = 1; print substr($0, 5) >"block." n; next }
        { inside = 0 }' "$1"
}

skips() { # BLOCK
    local first start why
    first=$(head -n 1 "$1")
    while IFS='|' read -r start why; do
        case $first in "$start"*) return 0 ;; esac
    done < <(not_run)
    return 1
}

run_block() { # BLOCK
    bash -c 'set -o pipefail; trap "echo \"\$?|\$BASH_COMMAND\" >>failed" ERR; . "./$0"' "$1" >"$1.out" 2>"$1.err" </dev/null
}

run_document() { # DOCUMENT
    local n=0 status command
    blocks "$top/$1"
    while n=$((n + 1)) && [ -e "block.$n" ]; do
        skips "block.$n" && continue
        echo : >>"block.$n" # the status of the last line is counted once
        : >failed
        run_block "block.$n"
        while IFS='|' read -r status command; do
            case "$status $command" in
            "1 "*"bootreel diff "* | "1 less -R") ;;
            *) fail "$1: exit status $status: $command"; tail -n 3 "block.$n.err" ;;
            esac
        done <failed
    done
    [ "$n" -gt 3 ] || fail "$1 has no lines"
}

person
if wanted readme; then
    mkdir "$work/readme" && cd "$work/readme" || exit 2
    ln -s "$top"/* .
    rm bootreel
    shim bootreel
    link_guests .cache/guests
    run_document README.md
    # Positions, sizes and versions are those of one kernel.
    ln -sf "$GUESTS/vmlinuz" .cache/guests/vmlinuz
    sed -E '/^```/,/^```/{/^[$(]/!s/[0-9]+\.[-0-9.a-z]*|[0-9]{6,}|\+0x[0-9a-f]+/…/g}' "$top/README.md" >sessions.md
    said=$(python3 "$top/tests/pages.py" sessions.md 2>&1) || fail "$said"
fi
if wanted recipes; then
    link_guests "$work/recipes" && cd "$work/recipes" || exit 2
    mkdir "$work/bin" tests
    shim "$work/bin/bootreel"
    printf '#!/bin/sh\ncat\n' >"$work/bin/flamegraph.pl" # it is not in Debian
    chmod +x "$work/bin/flamegraph.pl"
    PATH=$work/bin:$PATH
    ln -s vmlinuz bzImage
    ln -s vmlinuz vmlinuz-new
    ln -s "$GUESTS/vmlinuz" vmlinuz-old
    run_document docs/recipes.md
fi
finish
