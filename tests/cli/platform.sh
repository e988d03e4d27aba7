#!/bin/bash
# platform.sh - what firmware leaves for operating systems: lists of ACPI tables, SMBIOS structures, MTRRs and the MultiProcessor table, and
# their files as iasl and dmidecode take them.
. "$(dirname "$0")/../lib.sh"

expect 0 record "$BOOTREEL" record -q --cpus 2 -o "$work/demo.reel"
expect 0 acpi "$BOOTREEL" firmware "$work/demo.reel" acpi -o "$work/tables"
for name in RSDP RSDT FACP DSDT SSDT APIC HPET; do holds "$work/acpi.out" "^$name +0x[0-9a-f]+ +[0-9]+ +[0-9]+ +ok " "$name"; done
iasl -p "$work/dsdt" -d "$work/tables/dsdt.dat" >"$work/iasl.out" 2>&1 && grep -q 'DefinitionBlock' "$work/dsdt.dsl" || fail "iasl: $(cat "$work/iasl.out")"
[ -s "$work/tables/dsdt.dsl" ] || fail "the tables are not disassembled"
expect 0 smbios "$BOOTREEL" firmware "$work/demo.reel" smbios -o "$work/tables"
holds "$work/smbios.out" ' 1 +System information .* bootreel, PC' "SMBIOS"
head -c 4 "$work/tables/smbios.bin" | grep -q '^_SM_' || fail "smbios.bin"
expect 0 mptable "$BOOTREEL" firmware "$work/demo.reel" mptable
[ "$(grep -c '^processor' "$work/mptable.out")" = 2 ] || fail "processors: $(cat "$work/mptable.out")"
expect 0 mtrr "$BOOTREEL" firmware "$work/demo.reel" mtrr
holds "$work/mtrr.out" '^fixed +UC +0xa0000 +0xbffff' "the video memory's type"
expect 0 json "$BOOTREEL" firmware "$work/demo.reel" acpi mtrr --format json
python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); assert [x["list"] for x in d] == ["acpi", "mtrr"]; assert d[0]["entries"][0]["name"] == "RSDP"' \
    "$work/json.out" || fail "JSON"
expect 0 history "$BOOTREEL" firmware "$work/demo.reel" acpi --history
grep -A3 '^RSDP, ' "$work/history.out" >"$work/rsdp"
holds "$work/rsdp" 'puts 20 bytes at 0x[0-9a-f]+: DMA  = fw_cfg item 0x[0-9a-f]+ etc/acpi/rsdp, byte 0$' "who built the RSDP"
holds "$work/rsdp" 'writes 4 bytes at 0x[0-9a-f]+: memcpy \[bios\] from acpi_init' "who put the pointer"
holds "$work/rsdp" 'writes 1 byte at 0x[0-9a-f]+: acpi_init .*\(its checksum\)$' "who put the checksum"

table=$(awk '$1 == "DSDT" { print $2; exit }' "$work/acpi.out")
expect 0 physical "$BOOTREEL" origin -q "$work/demo.reel" --physical "$table,4"
holds "$work/physical.out" '  = fw_cfg: fw_cfg item 0x[0-9a-f]+ etc/acpi/tables, byte 64$' "the origin of a physical address"
expect 2 physical "$BOOTREEL" origin -q "$work/demo.reel" --physical "$table,17"

# A boot sector asks for the memory map, in the new way and in an old one.
cat >"$work/map.S" <<'EOF2'
        .code16
        .globl _start
_start: xor %ax, %ax
        mov %ax, %ds
        mov %ax, %es
        xor %ebx, %ebx
next:   mov $0x8000, %di
        mov $0xe820, %eax
        mov $0x534d4150, %edx
        mov $20, %ecx
        int $0x15
        test %ebx, %ebx
        jnz next
        int $0x12
        mov $0xf4, %dx
        out %al, %dx
        hlt
        .org 510
        .word 0xaa55
EOF2
as --32 -o "$work/map.o" "$work/map.S" && ld -m elf_i386 --oformat binary -Ttext 0x7c00 -e 0x7c00 -o "$work/map.img" "$work/map.o" || fail "no boot sector"
truncate -s 64K "$work/map.img"
"$BOOTREEL" record -q --memory 64M --disk "$work/map.img" -o "$work/map.reel" --until 2s >/dev/null 2>&1
expect 0 maps "$BOOTREEL" firmware "$work/map.reel" e820
holds "$work/maps.out" '^INT 15h +0x100000 +0x3[0-9a-f]{6} .* usable +[0-9]+$' "the map that INT 15h gave"
holds "$work/maps.out" '^INT 12h +0x0 +0x9fbff +654336  usable' "what INT 12h told"
# A program that sets a variable range, changes it, and sets another one back.
as --32 -o "$work/mtrr.o" - <<'END'
.code16
_start: mov $0x200, %ecx
        xor %edx, %edx
        mov $0x10000001, %eax
        wrmsr
        mov $0x20000006, %eax
        wrmsr
        mov $0x204, %cx
        wrmsr
        xor %eax, %eax
        wrmsr
        mov $0xf4, %dx
        out %al, %dx
        hlt
END
ld -m elf_i386 --oformat binary -Ttext 0x1000 -e 0x1000 -o "$work/mtrr.bin" "$work/mtrr.o" || fail "no program"
expect 0,1 set "$BOOTREEL" record -q --flat "$work/mtrr.bin@0x1000" -o "$work/mtrr.reel"
expect 0 set-mtrr "$BOOTREEL" firmware "$work/mtrr.reel" mtrr --history
holds "$work/set-mtrr.out" '^ +5 +0[.]000000005  IA32_MTRR_PHYSBASE0 [(]0x200[)]: 0x20000006, before 0x10000001' "who set a register last"
! grep -q PHYSBASE2 "$work/set-mtrr.out" || fail "a register that was set back"
mkdir -p "$work/taken/rsdp.dat"
expect 2 unsaved "$BOOTREEL" firmware "$work/demo.reel" acpi -o "$work/taken"
holds "$work/unsaved.err" '^bootreel: .*rsdp.dat' "a table that cannot be saved"
# Maps of a guest that says anything: a range that ends beyond 2^64, under a page table.
as --32 -o "$work/odd.o" - <<'END'
.code32
.globl _start, boot_params, e820_table
        .long 0x1badb002, 0, -0x1badb002
_start: movl $0x83, 0x8000
        mov $0x8000, %eax
        mov %eax, %cr3
        mov %cr4, %eax
        or $0x10, %eax
        mov %eax, %cr4
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        mov $0xf4, %dx
        out %al, %dx
        hlt
        .balign 16
boot_params:
        .fill 0x1e8
        .byte 1
        .fill 0x2d0 - 0x1e9
        .quad 0x2000, 0x1000
        .long 1
        .balign 16
e820_table:
        .long table, 0
table:  .long 1
        .quad 0x1000, 0xffffffffffffffff
        .long 2
END
ld -m elf_i386 -n -Ttext 0x100000 -e _start -o "$work/odd.elf" "$work/odd.o" || fail "no guest"
expect 0,1 odd "$BOOTREEL" record -q --kernel "$work/odd.elf" -o "$work/odd.reel"
expect 0 odd-maps timeout 20 "$BOOTREEL" firmware "$work/odd.reel" e820
holds "$work/odd-maps.out" '^  0x2000 to 0x2fff: usable by "loader", reserved by "kernel"$' "a range beyond the end of memory"
expect 1 early "$BOOTREEL" firmware "$work/demo.reel" acpi --at 10
holds "$work/early.err" 'no ACPI tables \(no RSDP\) are in memory at icount 10' "before there are tables"
expect 1 e820 "$BOOTREEL" firmware "$work/demo.reel" e820 --at 10
holds "$work/e820.err" 'at icount 10 nobody has asked the firmware for its memory map' "before a map was asked for"
expect 2 unknown "$BOOTREEL" firmware "$work/demo.reel" dmi
finish
