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

/* ---------------------------------------------------------------- Intel's */

enum {
    VMX_EVENT = 0,
    VMX_INTERRUPT = 1,
    VMX_TASK = 9,
    VMX_INVLPG = 14,
    VMX_CR = 28,
    VMX_DR = 29,
    VMX_PORT = 30,
    VMX_RDMSR = 31,
    VMX_WRMSR = 32,
    VMX_VIOLATION = 48,
    VMX_MISCONFIGURATION = 49,
};
/* By the basic exit reason; with what AMD has for it, if it has. */
static const struct vmx_row {
    uint8_t reason;
    uint16_t amd;
    const char *words;
} vmx_rows[] = {
    {VMX_INTERRUPT, 0x60, "external interrupt"},
    {2, 0x7f, "triple fault"},
    {3, 0x63, "INIT"},
    {4, 0, "start-up IPI"},
    {7, 0x64, "interrupt window"},
    {8, 0, "NMI window"},
    {VMX_TASK, TASK, "task switch"},
    {10, 0x72, "CPUID"},
    {12, 0x78, "HLT"},
    {13, 0x76, "INVD"},
    {VMX_INVLPG, 0x79, "INVLPG"},
    {15, 0x6f, "RDPMC"},
    {16, 0x6e, "RDTSC"},
    {17, 0x73, "RSM"},
    {18, 0x81, "VMCALL"},
    {19, 0x82, "VMCLEAR"},
    {20, 0x80, "VMLAUNCH"},
    {21, 0x82, "VMPTRLD"},
    {22, 0x83, "VMPTRST"},
    {23, 0x82, "VMREAD"},
    {24, 0x80, "VMRESUME"},
    {25, 0x83, "VMWRITE"},
    {26, 0x84, "VMXOFF"},
    {27, 0x84, "VMXON"},
    {VMX_PORT, PORT, "port"},
    {VMX_RDMSR, MSR, "MSR"},
    {VMX_WRMSR, MSR, "MSR"},
    {36, 0x8b, "MWAIT"},
    {37, 0, "monitor trap flag"},
    {39, 0x8a, "MONITOR"},
    {40, 0x77, "PAUSE"},
    {43, 0, "TPR below threshold"},
    {46, 0x6a, "access to GDTR or IDTR"},
    {47, 0x6c, "access to LDTR or TR"},
    {VMX_VIOLATION, NESTED, "EPT violation"},
    {VMX_MISCONFIGURATION, NESTED, "EPT misconfiguration"},
    {50, 0x84, "INVEPT"},
    {51, 0x87, "RDTSCP"},
    {52, 0, "preemption timer"},
    {53, 0x84, "INVVPID"},
    {54, 0x89, "WBINVD"},
    {55, 0x8d, "XSETBV"},
    {58, 0xa2, "INVPCID"},
};

static bool is_vmx(uint64_t reason)
{
    return reason >= VIRT_REASON_VMX && reason <= VIRT_REASON_VMX + 0xffff;
}

static const struct vmx_row *vmx_row(uint64_t reason)
{
    for (size_t i = 0; i < sizeof vmx_rows / sizeof vmx_rows[0]; i++)
        if (vmx_rows[i].reason + (uint64_t)VIRT_REASON_VMX == reason)
            return &vmx_rows[i];
    return NULL;
}

/* Accesses to control and debug registers: 27.2.1, tables 27-3 and 27-4. */
static void vmx_register_name(uint64_t basic, uint64_t q, char *buf, size_t size)
{
    enum { FROM = 1, CLTS, LMSW, DR_FROM = 16 };
    const unsigned type = q >> 4 & 3;
    if (basic == VMX_DR)
        snprintf(buf, size, "%s of DR%u", q & DR_FROM ? "read" : "write", (unsigned)q & 7);
    else if (type >= CLTS)
        snprintf(buf, size, "%s", type == LMSW ? "LMSW" : "CLTS");
    else
        snprintf(buf, size, "%s of CR%u", type == FROM ? "read" : "write", (unsigned)q & 15);
}

static void vmx_name(uint64_t reason, uint64_t info1, uint64_t info2, char *buf, size_t size)
{
    const uint64_t basic = reason - VIRT_REASON_VMX;
    const struct vmx_row *row = vmx_row(reason);
    if (basic == VMX_EVENT)
        exception_name((unsigned)info2 & 0xff, buf, size);
    else if (basic == VMX_CR || basic == VMX_DR)
        vmx_register_name(basic, info1, buf, size);
    else if (row)
        snprintf(buf, size, "%s", row->words);
    else
        snprintf(buf, size, "exit reason %" PRIu64, basic);
}

static void vmx_port_words(uint64_t q, char *buf, size_t size)
{
    const char *string = q & 16 ? q & 32 ? "rep " : "string " : "";
    snprintf(buf, size, "%s%s port %xh, %u bits", string, q & 8 ? "in from" : "out to",
             (unsigned)(q >> 16) & 0xffff, 8 * ((unsigned)(q & 7) + 1));
}

static void vmx_violation_words(uint64_t q, uint64_t address, char *buf, size_t size)
{
    enum { WRITE = 2, FETCH = 4, ALLOWED = 0x38, LINEAR = 1 << 7, FINAL = 1 << 8 };
    const bool walk = q & LINEAR && !(q & FINAL);
    const char *access = walk        ? "page walk through"
                         : q & FETCH ? "fetch from"
                         : q & WRITE ? "write of"
                                     : "read of";
    snprintf(buf, size, "%s guest-physical %" PRIx64 "h, which %s", access, address,
             q & ALLOWED ? "EPT forbids" : "is not mapped");
}

static void vmx_event_words(uint64_t info1, uint64_t info2, char *buf, size_t size)
{
    enum { HAS_ERROR = 1 << 11, PF = 14 };
    char name[32];
    exception_name((unsigned)info2 & 0xff, name, sizeof name);
    if ((info2 & 0xff) == PF)
        snprintf(buf, size, "#PF, error %" PRIx64 "h, at %" PRIx64 "h", info2 >> 32, info1);
    else if (info2 & HAS_ERROR)
        snprintf(buf, size, "%s, error %" PRIx64 "h", name, info2 >> 32);
    else
        snprintf(buf, size, "%s", name);
}

static void vmx_words(uint64_t reason, uint64_t info1, uint64_t info2, char *buf, size_t size)
{
    switch (reason - VIRT_REASON_VMX) {
    case VMX_EVENT:
        vmx_event_words(info1, info2, buf, size);
        return;
    case VMX_INTERRUPT:
        snprintf(buf, size, info2 ? "external interrupt %" PRIx64 "h" : "external interrupt", info2 & 0xff);
        return;
    case VMX_TASK:
        snprintf(buf, size, "task switch to selector %" PRIx64 "h", info1 & 0xffff);
        return;
    case VMX_INVLPG:
        snprintf(buf, size, "INVLPG of %" PRIx64 "h", info1);
        return;
    case VMX_PORT:
        vmx_port_words(info1, buf, size);
        return;
    case VMX_RDMSR:
    case VMX_WRMSR:
        snprintf(buf, size, "%s %" PRIx64 "h",
                 reason - VIRT_REASON_VMX == VMX_RDMSR ? "RDMSR of" : "WRMSR to", info2);
        return;
    case VMX_VIOLATION:
        vmx_violation_words(info1, info2, buf, size);
        return;
    case VMX_MISCONFIGURATION:
        snprintf(buf, size, "access to guest-physical %" PRIx64 "h, whose EPT entry is misconfigured", info2);
        return;
    default:
        vmx_name(reason, info1, info2, buf, size);
    }
}

/* ---------------------------------------------------------------- of both */

uint64_t virt_reason_amd(uint64_t reason, uint64_t info1, uint64_t info2)
{
    enum { NMI = 2, FROM = 1, DR_FROM = 16 };
    const struct vmx_row *row = vmx_row(reason);
    if (!is_vmx(reason))
        return reason;
    switch (reason - VIRT_REASON_VMX) {
    case VMX_EVENT:
        return (info2 & 0xff) == NMI ? 0x61 : EXCEPTION + (info2 & 0x1f);
    case VMX_CR:
        return (info1 & 15) + ((info1 >> 4 & 3) == FROM ? CR : CR + IS_WRITE);
    case VMX_DR:
        return (info1 & 7) + (info1 & DR_FROM ? DR : DR + IS_WRITE);
    default:
        return row && row->amd ? row->amd : reason;
    }
}

bool virt_reason_port(uint64_t reason, uint64_t info1, uint16_t *port)
{
    *port = (uint16_t)(info1 >> 16);
    return reason == PORT || reason == VIRT_REASON_VMX + VMX_PORT;
}

bool virt_reason_nested(uint64_t reason, uint64_t info2, uint64_t *address)
{
    *address = info2;
    return reason == NESTED || reason == VIRT_REASON_VMX + VMX_VIOLATION ||
           reason == VIRT_REASON_VMX + VMX_MISCONFIGURATION;
}

void virt_reason_name(uint64_t reason, uint64_t info1, uint64_t info2, char *buf, size_t size)
{
    if (is_vmx(reason)) {
        vmx_name(reason, info1, info2, buf, size);
        return;
    }
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
    if (is_vmx(reason)) {
        vmx_words(reason, info1, info2, buf, size);
        return;
    }
    virt_reason_name(reason, info1, info2, name, sizeof name);
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
    enum { INTR = 0, NMI = 2, FAULT = 3, SOFT = 4 };
    char name[32];
    exception_name(vector, name, sizeof name);
    if (type == INTR)
        snprintf(buf, size, "interrupt %xh", vector);
    else if (type == NMI)
        snprintf(buf, size, "NMI");
    else if (type == FAULT && error)
        snprintf(buf, size, "%s, error %" PRIx64 "h", name, error);
    else if (type != SOFT)
        snprintf(buf, size, "%s", name);
    else
        snprintf(buf, size, "INT %xh", vector);
}
