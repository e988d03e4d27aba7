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
expect 1 early "$BOOTREEL" firmware "$work/demo.reel" acpi --at 10
holds "$work/early.err" 'no ACPI tables \(no RSDP\) are in memory at icount 10' "before there are tables"
expect 1 e820 "$BOOTREEL" firmware "$work/demo.reel" e820
expect 2 unknown "$BOOTREEL" firmware "$work/demo.reel" dmi
finish
