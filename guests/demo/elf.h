/* elf.h - the parts of the ELF format needed to load 32-bit executables (System V ABI, chapters 4 and 5). */
#ifndef DEMO_ELF_H
#define DEMO_ELF_H

#include "guests/demo/types.h"

#define ELF_MAGIC 0x464c457f /* 7f 'E' 'L' 'F' */
enum { ELF_EXECUTABLE = 2, ELF_386 = 3, ELF_LOAD = 1, ELF_WRITE = 2 };

struct elf_header {
    u32 magic;
    u8 ident[12];
    u16 type, machine;
    u32 version, entry, phoff, shoff, flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
} PACKED;

struct elf_segment {
    u32 type, offset, vaddr, paddr, filesz, memsz, flags, align;
} PACKED;

#endif
