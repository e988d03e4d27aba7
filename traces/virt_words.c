/* virt_words.c - see virt_words.h: a row an exit reason. */
#include "traces/virt_words.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    CR = 0x00,
    DR = 0x20,
    EXCEPTION = 0x40,
    EXCEPTIONS_END = 0x60,
    PORT = 0x7b,
    MSR = 0x7c,
    TASK = 0x7d,
    NESTED = 0x400,
    IS_WRITE = 0x10
};

static const struct {
    uint64_t reason;
    const char *words;
} rows[] = {
    {0x60, "external interrupt"},
    {0x61, "NMI"},
    {0x62, "SMI"},
    {0x63, "INIT"},
    {0x64, "window for a virtual interrupt"},
    {0x65, "write of CR0 that changes more than TS and MP"},
    {0x66, "SIDT"},
    {0x67, "SGDT"},
    {0x68, "SLDT"},
    {0x69, "STR"},
    {0x6a, "LIDT"},
    {0x6b, "LGDT"},
    {0x6c, "LLDT"},
    {0x6d, "LTR"},
    {0x6e, "RDTSC"},
    {0x6f, "RDPMC"},
    {0x70, "PUSHF"},
    {0x71, "POPF"},
    {0x72, "CPUID"},
    {0x73, "RSM"},
    {0x74, "IRET"},
    {0x75, "INT n"},
    {0x76, "INVD"},
    {0x77, "PAUSE"},
    {0x78, "HLT"},
    {0x79, "INVLPG"},
    {0x7a, "INVLPGA"},
    {PORT, "port"},
    {MSR, "MSR"},
    {TASK, "task switch"},
    {0x7e, "FERR freeze"},
    {0x7f, "shutdown"},
    {0x80, "VMRUN"},
    {0x81, "VMMCALL"},
    {0x82, "VMLOAD"},
    {0x83, "VMSAVE"},
    {0x84, "STGI"},
    {0x85, "CLGI"},
    {0x86, "SKINIT"},
    {0x87, "RDTSCP"},
    {0x88, "INT1"},
    {0x89, "WBINVD"},
    {0x8a, "MONITOR"},
    {0x8b, "MWAIT"},
    {0x8c, "MWAIT, armed"},
    {0x8d, "XSETBV"},
    {0x8e, "RDPRU"},
    {0xa2, "INVPCID"},
    {NESTED, "nested page fault"},
    {UINT64_MAX, "refused entry"},
};

static void exception_name(unsigned vector, char *buf, size_t size)
{
    static const char *const names[32] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
                                          "#DF", NULL,  "#TS", "#NP", "#SS", "#GP", "#PF", NULL,
                                          "#MF", "#AC", "#MC", "#XF", NULL,  "#CP", NULL,  NULL,
                                          NULL,  NULL,  NULL,  NULL,  "#HV", "#VC", "#SX", NULL};
    if (vector < 32 && names[vector])
        snprintf(buf, size, "%s", names[vector]);
    else
        snprintf(buf, size, "exception %u", vector);
}

void virt_reason_name(uint64_t reason, char *buf, size_t size)
{
    if (reason < EXCEPTION) {
        snprintf(buf, size, "%s of %s%u", reason & IS_WRITE ? "write" : "read", reason < DR ? "CR" : "DR",
                 (unsigned)reason & 15);
        return;
    }
    if (reason < EXCEPTIONS_END) {
        exception_name((unsigned)(reason - EXCEPTION), buf, size);
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].reason == reason) {
            snprintf(buf, size, "%s", rows[i].words);
            return;
        }
    snprintf(buf, size, "exit code %" PRIx64 "h", reason);
}

static void port_words(uint64_t info, char *buf, size_t size)
{
    const unsigned port = (unsigned)(info >> 16) & 0xffff, bits = info & 1 << 4 ? 8 : info & 1 << 5 ? 16 : 32;
    const char *string = info & 4 ? info & 8 ? "rep " : "string " : "";
    snprintf(buf, size, "%s%s port %xh, %u bits", string, info & 1 ? "in from" : "out to", port, bits);
}

static void nested_words(uint64_t error, uint64_t address, char *buf, size_t size)
{
    const char *access = error & 16 ? "fetch" : error & 2 ? "write" : "read";
    const char *why = error & 8   ? "for which a reserved bit is set"
                      : error & 1 ? "which the nested tables forbid"
                                  : "which is not mapped";
    if (error >> 33 & 1)
        access = "page walk through";
    snprintf(buf, size, "%s%s guest-physical %" PRIx64 "h, %s", access,
             error >> 33 & 1 ? ""
             : error & 16    ? " from"
                             : " of",
             address, why);
}

void virt_reason_words(uint64_t reason, uint64_t info1, uint64_t info2, char *buf, size_t size)
{
    char name[64];
    virt_reason_name(reason, name, sizeof name);
    if (reason == PORT)
        port_words(info1, buf, size);
    else if (reason == MSR)
        snprintf(buf, size, "%s", info1 & 1 ? "WRMSR" : "RDMSR");
    else if (reason == NESTED)
        nested_words(info1, info2, buf, size);
    else if (reason == EXCEPTION + 14)
        snprintf(buf, size, "#PF, error %" PRIx64 "h, at %" PRIx64 "h", info1, info2);
    else if (reason >= EXCEPTION && reason < EXCEPTIONS_END && info1)
        snprintf(buf, size, "%s, error %" PRIx64 "h", name, info1);
    else if (reason == 0x75)
        snprintf(buf, size, "INT %" PRIx64 "h", info1 & 0xff);
    else if (reason == 0x79)
        snprintf(buf, size, "INVLPG of %" PRIx64 "h", info1);
    else if (reason == TASK)
        snprintf(buf, size, "task switch to selector %" PRIx64 "h", info1 & 0xffff);
    else
        snprintf(buf, size, "%s", name);
}

void virt_event_words(unsigned type, uint8_t vector, uint64_t error, char *buf, size_t size)
{
    enum { INTR = 0, NMI = 2, FAULT = 3 };
    char name[32];
    exception_name(vector, name, sizeof name);
    if (type == INTR)
        snprintf(buf, size, "interrupt %xh", vector);
    else if (type == NMI)
        snprintf(buf, size, "NMI");
    else if (type == FAULT && error)
        snprintf(buf, size, "%s, error %" PRIx64 "h", name, error);
    else if (type == FAULT)
        snprintf(buf, size, "%s", name);
    else
        snprintf(buf, size, "INT %xh", vector);
}
