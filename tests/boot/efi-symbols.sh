#!/bin/bash
# efi-symbols.sh - an application for UEFI, made by clang and lld, that OVMF starts: the names and lines of its PDB file, its tables for
# exceptions; callers through the firmware's own modules, which have no tables. --debug-info gives the same, and DWARF, to a record without symbols.
. "$(dirname "$0")/../lib.sh"
need_efi
command -v lld-link >/dev/null || { echo "no lld-link: see scripts/deps"; exit 2; }

cat >"$work/app.c" <<'END'
typedef unsigned long long u64;
typedef unsigned short u16;
struct text { void *reset; u64 (*put)(struct text *, const u16 *); };
struct system { char header[24]; u16 *vendor; unsigned revision, pad; void *in_handle, *in, *out_handle; struct text *out; };
static volatile u64 total;
__attribute__((noinline)) static u64 innermost(struct system *st, u64 n)
{
    volatile char room[200];
    room[n % 200] = 1;
    st->out->put(st->out, L"hello\r\n");
    return total += n + (u64)room[0];
}
__attribute__((noinline)) u64 middle(struct system *st, u64 n)
{
    volatile u64 array[n + 4]; /* a frame pointer */
    array[n] = innermost(st, n);
    return array[n] + 1;
}
__attribute__((noinline)) static u64 outer(struct system *st, u64 n)
{
    u64 sum = 0;
    for (u64 i = 0; i < n; i++)
        sum += middle(st, i);
    return sum;
}
u64 efi_main(void *image, struct system *st) { return outer(st, 3) == 99; }
END
cd "$work" || exit 2
clang -target x86_64-unknown-windows -ffreestanding -fshort-wchar -mno-red-zone -mno-stack-arg-probe -O1 -g -gcodeview -fasynchronous-unwind-tables \
    -c -o app.obj app.c &&
    lld-link -subsystem:efi_application -entry:efi_main -nodefaultlib -debug -pdb:app.pdb -pdbaltpath:app.pdb -Brepro -out:app.efi app.obj || fail "no application"
truncate -s 4M app.img
mformat -i app.img -v TEST -N 12345678 :: && mmd -i app.img ::EFI ::EFI/BOOT && mcopy -i app.img app.efi ::EFI/BOOT/BOOTX64.EFI || fail "no disk"
# A file of another build, and one that is damaged.
sed 's/hello/other/' app.c >other.c
mkdir other
clang -target x86_64-unknown-windows -ffreestanding -fshort-wchar -mno-stack-arg-probe -O1 -g -gcodeview -c -o other.obj other.c &&
    lld-link -subsystem:efi_application -entry:efi_main -nodefaultlib -debug -pdb:other/app.pdb -pdbaltpath:app.pdb -Brepro -out:other.efi other.obj
head -c 3000 app.pdb >cut.pdb
cd "$top" || exit 2

expect 0 record timeout 300 "$BOOTREEL" record --bios "$GUESTS/OVMF.fd" --disk "$work/app.img" --symbols "$work/other/app.pdb" --symbols "$work/app.pdb" \
    --symbols "$work/cut.pdb" --until 1100M --console=screen -q -o "$work/app.reel"
"$BOOTREEL" events "$work/app.reel" --class firmware >"$work/events"
holds "$work/events" 'efi.return +BOOTX64.EFI returned 0x0 ' "the application"
holds "$work/record.err" '^bootreel: .*/cut.pdb: is damaged: .*: recorded without it$' "a damaged file"
holds "$work/record.err" '^bootreel: .*/other/app.pdb: no module that was loaded has its symbols: recorded without it$' "a file of another build"
every_way app "$work/app.reel"
expect 0 find "$BOOTREEL" find "$work/app.reel" --exec innermost --all
[ "$(grep -c 'innermost \[BOOTX64.EFI\] *from middle' "$work/find.out")" = 3 ] || fail "calls of a function"

build build/release/bench/callers_efi >/dev/null && timeout 300 build/release/bench/callers_efi "$work/app.reel" 30 >"$work/callers" || fail "bench/callers_efi"
holds "$work/callers" '^30 positions, [0-9]+ callers: at 30 all are right;' "callers"

. tests/gdb.sh
PATH=$(dirname "$BOOTREEL"):$PATH gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/app.reel" -ex "break innermost" -ex continue -ex bt \
    -ex finish >"$work/gdb"
tr '\n' ' ' <"$work/gdb" | sed 's/  */ /g' >"$work/gdb.line"
holds "$work/gdb.line" '#0 innermost \(\) at .*app.c:[0-9]+ #1 0x[0-9a-f]+ in middle \(\) at .*app.c:16 #2 0x[0-9a-f]+ in outer \(\) at .*app.c:23 #3 0x[0-9a-f]+ in efi_main \(\) at .*app.c:26 #4 0x[0-9a-f]+ in DxeCore \(\) .* in BdsDxe \(\) .* in DxeCore \(\) ' "bt into the firmware"
holds "$work/gdb.line" '0x[0-9a-f]+ in middle \(\) at .*app.c:16 16[[:space:]]' "finish"

# The same afterwards, by a record without symbols: from the PDB, and from an ELF file with DWARF that was made into an image.
cat >"$work/tool.c" <<'END'
typedef unsigned long long u64;
typedef unsigned short u16;
struct text { void *reset; u64 __attribute__((ms_abi)) (*put)(struct text *, const u16 *); };
struct system { char header[24]; u16 *vendor; unsigned revision, pad; void *in_handle, *in, *out_handle; struct text *out; };
static volatile u64 total;
static inline __attribute__((always_inline)) u64 folded(u64 n)
{
    for (u64 i = 0; i < n; i++)
        total += i;
    return total;
}
__attribute__((noinline)) static u64 compute(struct system *st, u64 n)
{
    u64 seen = folded(n) + 7;
    st->out->put(st->out, u"tool\r\n");
    return seen;
}
u64 __attribute__((ms_abi)) efi_main(void *image, struct system *st) { return compute(st, 300) == 99; }
END
cat >"$work/pe.ld" <<'END'
ENTRY(efi_main)
SECTIONS {
    . = 0; .pad : { BYTE(0) } . = 0x1000;
    .text : { *(.text*) } . = ALIGN(0x1000);
    .data : { *(.rodata*) *(.data*) *(.bss*) *(.got*) *(.dyn*) *(.hash) *(.gnu.hash) *(.rela*) } . = ALIGN(0x1000);
    .reloc : { LONG(0) LONG(12) LONG(0) }
    /DISCARD/ : { *(.note*) *(.comment) *(.eh_frame*) *(.interp) }
}
END
cd "$work" || exit 2
mkdir debug
gcc -g -O1 -fpic -ffreestanding -fno-stack-protector -fshort-wchar -mno-red-zone -fcf-protection=none -c tool.c -o tool.o &&
    ld -shared -Bsymbolic -T pe.ld -o debug/TOOL.debug tool.o &&
    objcopy -j .text -j .data -j .reloc --target=efi-app-x86_64 debug/TOOL.debug tool.efi && cp app.pdb debug || fail "no tool"
printf 'fs0:\r\nTOOL.EFI\r\nAPP.EFI\r\nreset -s\r\n' >startup.nsh
truncate -s 4M tool.img
mformat -i tool.img -v TEST -N 12345678 :: && mcopy -i tool.img tool.efi ::TOOL.EFI && mcopy -i tool.img app.efi ::APP.EFI && mcopy -i tool.img startup.nsh :: || fail "no disk"
expect 0 tool timeout 300 "$BOOTREEL" record --bios "$GUESTS/OVMF.fd" --disk tool.img --until 60G -q -o tool.reel
at=$("$BOOTREEL" events tool.reel --class firmware | sed -n 's/^ *[0-9]* *\([0-9]*\) .*efi.start *TOOL.EFI starts.*/\1/p')
expect 0 profile "$BOOTREEL" profile tool.reel --from "${at:-0}" --to +3000 --every 5 --debug-info debug
holds profile.out ' folded \[TOOL.EFI\]' "profile: an inlined function of a module"
expect 0 other-build "$BOOTREEL" profile tool.reel --from "${at:-0}" --to +3000 --every 5 --debug-info other/app.pdb
holds other-build.err '/app.pdb: is of another build of the module: it has another GUID' "a PDB of another build"
PATH=$(dirname "$BOOTREEL"):$PATH gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open tool.reel --debug-info debug" -ex 'break tool.c:8' -ex continue -ex bt \
    -ex 'info locals' -ex 'break innermost' -ex continue -ex boot-bt >gdb.debug
tr '\n' ' ' <gdb.debug | sed 's/  */ /g' >gdb.line
holds gdb.line '#0 folded \(n=300\) at .*tool.c:8 #1 compute \(.*, n=n@entry=300\) at .*tool.c:14 #2 0x[0-9a-f]+ in efi_main .*tool.c:18 #3 0x[0-9a-f]+ in DxeCore \(\) .* i = 0 ' "gdb: inlined frames and locals of a module"
holds gdb.line '#0 0x[0-9a-f]+ in innermost \[APP.EFI\] at .*app.c:[0-9]+ #1 0x[0-9a-f]+ in middle\+0x[0-9a-f]+ \[APP.EFI\] at .*app.c:16 ' "boot-bt: lines of a PDB"
finish
