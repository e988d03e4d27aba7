#!/bin/bash
# graphics.sh - graphics modes in the terminal interface: as characters in dumps; as sixel and kitty graphics on terminals that have them, and
# gone when another page is shown.
. "$(dirname "$0")/../lib.sh"

# A boot sector: mode 13h, the upper half red (28h); then it waits.
{ printf '\xb8\x13\x00\xcd\x10\xb8\x00\xa0\x8e\xc0\x31\xff\xb9\x00\x7d\xb0\x28\xf3\xaa\xeb\xfe'; head -c 489 /dev/zero; printf '\x55\xaa'; } >"$work/boot.img"
truncate -s 1M "$work/boot.img"
expect 0,1 record "$BOOTREEL" record -q --console=none --disk "$work/boot.img" --until 3s -o "$work/a.reel"

printf '%s\n' screen "show $work/a.txt" "show $work/a.svg" >"$work/script"
expect 0 characters "$BOOTREEL" tui "$work/a.reel" --at 100% --script "$work/script" --size 80x24
grep -q '#ff0000\|#fc0000\|#f00' "$work/a.svg" || fail "no red in the picture: $(grep -o 'fill="[^"]*"' "$work/a.svg" | sort | uniq -c)"

cat >"$work/terminal.py" <<'PY'
import fcntl, os, pty, select, struct, sys, termios, time
def shows(mode, keys):
    """What is written to a terminal, key by key."""
    pid, fd = pty.fork()
    if not pid:
        os.environ.update(TERM="xterm-256color", BOOTREEL_PICTURES=mode, LC_ALL="C.UTF-8")
        os.execv(sys.argv[1], [sys.argv[1], "tui", sys.argv[2], "--at", "100%"])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 960, 640))
    parts = []
    for key in [b""] + keys:
        os.write(fd, key)
        out, quiet = b"", 0
        while quiet < 15:
            quiet += 1
            while select.select([fd], [], [], 0.1)[0]:
                try:
                    more = os.read(fd, 65536)
                except OSError:
                    more = b""
                if not more:
                    quiet = 99
                    break
                out += more
                quiet = 0
        parts.append(out)
    os.waitpid(pid, 0)
    return parts
for mode, picture in (("sixel", b"\033P"), ("kitty", b"\033_Ga=T"), ("characters", None)):
    first, screen, other, end = shows(mode, [b"8", b"1", b"q"])
    for name, part in (("first page", first), ("other page", other), ("end", end)):
        assert b"\033P" not in part and b"\033_Ga=T" not in part, f"{mode}: a picture in the {name}"
    assert (picture or b"") in screen, f"{mode}: no picture"
    assert picture or (b"\033P" not in screen and b"\033_G" not in screen), f"{mode}: a picture"
    assert mode != "kitty" or b"\033_Ga=d" in other, "the picture stays"
PY
expect 0 terminal python3 "$work/terminal.py" "$BOOTREEL" "$work/a.reel"
finish
