/* lacking.c - instructions that the processor's model lacks: the first #UD by one at each address is an event (EV_CPU_LACKS) that says
 * which instruction, of which feature, and which model has it.
 *
 * Their names come from the instruction table, and for what no model has from a table of encodings (named.c: AVX-512, AMX ...) or
 * from capstone (XOP, 3DNow! ...). What was told is state, in a section of its own that is saved only if there is something in it.
 * Nothing of it reaches the guest. */
#include <stdio.h>

#include "core/insn/insn.h"
#include "hv/x86/decode/decode.h"
#include "hv/x86/decode/insn.h"
#include "hv/x86/system/sys.h"

/* ---------------------------------------------------------------- what was told */

static const struct field lacking_fields[] = {FIELDS(struct lacking, at), FIELDS(struct lacking, bytes),
                                              FIELD(struct lacking, count)};

static void section_name(const struct x86 *cpu, char name[24])
{
    snprintf(name, 24, "cpu%u.lacking", cpu->index & 0xff);
}

void lacking_save(struct x86 *cpu, const struct snapshot_sink *sink)
{
    char name[24];
    section_name(cpu, name);
    if (cpu->lacking.count || sink->all)
        sink->section(sink->ctx, name, lacking_fields, FIELD_COUNT(lacking_fields), &cpu->lacking);
}

void lacking_load(struct x86 *cpu, const struct snapshot_source *source)
{
    char name[24];
    section_name(cpu, name);
    memset(&cpu->lacking, 0, sizeof cpu->lacking);
    if (source->section(source->ctx, name, lacking_fields, FIELD_COUNT(lacking_fields), &cpu->lacking) < 0)
        memset(&cpu->lacking, 0, sizeof cpu->lacking);
}

/* `bytes`: the first 8 of the instruction, since programs follow one another at an address. */
static bool is_told(const struct lacking *l, uint64_t at, uint64_t bytes)
{
    for (unsigned i = 0; i < l->count && i < LACKING_MOST; i++)
        if (l->at[i] == at && l->bytes[i] == bytes)
            return true;
    return l->count >= LACKING_MOST;
}

/* ---------------------------------------------------------------- what it is */

enum { BYTES = PLAIN_BYTES, NAME = LACKING_NAME };

/* The bytes from `op` on; zeros where they go on in a page that cannot be read. (The decoder gave up at the opcode.) */
static void read_bytes(const struct x86 *cpu, const struct op *op, uint8_t bytes[BYTES])
{
    uint64_t lin = code_linear(cpu, rip_of(cpu, op));
    const uint8_t *page = NULL;
    memset(bytes, 0, BYTES);
    for (unsigned i = 0; i < BYTES; i++) {
        uint64_t at = linear_on(cpu, lin, i), pa;
        if (!i || !(at & 0xfff)) {
            const struct pdesc *d = mem_translate_peek(cpu, at, &pa) ? physmem_page(cpu->mem, pa) : NULL;
            page = d ? d->rd : NULL;
        }
        if (!page)
            return;
        bytes[i] = page[at & 0xfff];
    }
}

struct lack {
    struct lacking_name name;
    const char *model; /* NULL: none has it */
};

/* In the table, as a processor with everything decodes it. */
static bool find_row(struct x86 *cpu, const uint8_t *bytes, struct lack *f)
{
    struct op op;
    bool end;
    if (!cpu->all_rows)
        cpu->all_rows = decoder_create(NULL);
    if (decode(cpu->all_rows, bytes, BYTES, cpu->code_bits, 0, &op, &end) != DEC_OK || !op_row(&op))
        return false;
    const struct insn_row *r = op_row(&op);
    if (cpu_has(cpu, r->feature))
        return false;
    snprintf(f->name.mnemonic, NAME, "%s", r->mnemonic);
    snprintf(f->name.feature, NAME, "%s", feature_name(r->feature));
    f->model = cpuid_least_model(cpu, r->feature);
    return true;
}

/* Capstone's groups by the names that the manuals have for them in CPUID. Its other groups are no extensions. */
static const struct {
    unsigned group;
    const char *name;
} extensions[] = {
    {X86_GRP_3DNOW, "3DNow!"},      {X86_GRP_AES, "AES"},      {X86_GRP_ADX, "ADX"},
    {X86_GRP_AVX, "AVX"},           {X86_GRP_AVX2, "AVX2"},    {X86_GRP_AVX512, "AVX512F"},
    {X86_GRP_BMI, "BMI1"},          {X86_GRP_BMI2, "BMI2"},    {X86_GRP_CMOV, "CMOV"},
    {X86_GRP_F16C, "F16C"},         {X86_GRP_FMA, "FMA"},      {X86_GRP_FMA4, "FMA4"},
    {X86_GRP_FSGSBASE, "FSGSBASE"}, {X86_GRP_HLE, "HLE"},      {X86_GRP_MMX, "MMX"},
    {X86_GRP_RTM, "RTM"},           {X86_GRP_SHA, "SHA"},      {X86_GRP_SSE1, "SSE"},
    {X86_GRP_SSE2, "SSE2"},         {X86_GRP_SSE3, "SSE3"},    {X86_GRP_SSE41, "SSE4.1"},
    {X86_GRP_SSE42, "SSE4.2"},      {X86_GRP_SSE4A, "SSE4A"},  {X86_GRP_SSSE3, "SSSE3"},
    {X86_GRP_PCLMUL, "PCLMULQDQ"},  {X86_GRP_XOP, "XOP"},      {X86_GRP_CDI, "AVX512CD"},
    {X86_GRP_ERI, "AVX512ER"},      {X86_GRP_TBM, "TBM"},      {X86_GRP_SGX, "SGX"},
    {X86_GRP_DQI, "AVX512DQ"},      {X86_GRP_BWI, "AVX512BW"}, {X86_GRP_PFI, "AVX512PF"},
    {X86_GRP_VLX, "AVX512VL"},      {X86_GRP_SMAP, "SMAP"},    {X86_GRP_FPU, "x87"},
};

static const char *extension(unsigned group)
{
    for (unsigned i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (extensions[i].group == group)
            return extensions[i].name;
    return NULL;
}

/* The extension, or those of AVX-512 that it needs together. */
static bool find_group(const cs_insn *in, struct lacking_name *f)
{
    size_t n = 0;
    for (unsigned i = 0; i < in->detail->groups_count; i++) {
        const char *name = extension(in->detail->groups[i]);
        if (!name || (n && strncmp(name, "AVX512", 6)))
            continue;
        int added = snprintf(f->feature + n, NAME - n, "%s%s", n ? " and " : "", name);
        n = n + (size_t)added < NAME ? n + (size_t)added : NAME - 1;
    }
    return n;
}

/* An EVEX prefix: outside 64-bit code it is BOUND if it has a memory operand. Legacy prefixes do not come before it. */
static bool is_evex(unsigned bits, const uint8_t *bytes)
{
    return bytes[0] == 0x62 && (bits == 64 || bytes[1] >= 0xc0);
}

bool lacking_other(unsigned bits, const uint8_t bytes[PLAIN_BYTES], struct lacking_name *f)
{
    struct insn_decoder d = {0};
    const cs_insn *in = insn_disassemble(&d, bits, 0, bytes, BYTES);
    bool found = false;
    *f = (struct lacking_name){0};
    if (in) {
        snprintf(f->mnemonic, NAME, "%s", in->mnemonic);
        found = find_group(in, f);
    }
    if (is_evex(bits, bytes) && strncmp(f->feature, "AVX512", 6)) { /* one that capstone does not know */
        if (!found)
            snprintf(f->mnemonic, NAME, "%s", "an instruction");
        snprintf(f->feature, NAME, "%s", "AVX-512");
        found = true;
    }
    insn_close(&d);
    return found;
}

/* Capstone's words for what it knows; a replay does not compare them. */
static bool find_other(const struct x86 *cpu, const uint8_t *bytes, struct lacking_name *f)
{
    const bool known = lacking_other(cpu->code_bits, bytes, f);
    return lacking_named(cpu->code_bits, bytes, f) || known;
}

static bool is_plain(const struct x86 *cpu, const uint8_t *bytes)
{
    for (unsigned i = 0; i < PLAIN_MOST; i++)
        if (cpu->plain.met[i].bits == cpu->code_bits && !memcmp(cpu->plain.met[i].bytes, bytes, BYTES))
            return true;
    return false;
}

static void note_plain(struct x86 *cpu, const uint8_t *bytes)
{
    const unsigned i = cpu->plain.next++ % PLAIN_MOST;
    memcpy(cpu->plain.met[i].bytes, bytes, BYTES);
    cpu->plain.met[i].bits = (uint8_t)cpu->code_bits;
}

void lacking_tell(struct x86 *cpu, const struct op *op)
{
    struct lack f = {0};
    struct lacking *l = &cpu->lacking;
    uint8_t bytes[BYTES];
    uint64_t rip = rip_of(cpu, op), head;
    char text[160];
    read_bytes(cpu, op, bytes);
    memcpy(&head, bytes, sizeof head);
    if (is_plain(cpu, bytes) || is_told(l, rip, head))
        return;
    if (!find_row(cpu, bytes, &f) && !find_other(cpu, bytes, &f.name)) {
        note_plain(cpu, bytes);
        return;
    }
    l->at[l->count] = rip;
    l->bytes[l->count++] = head;
    snprintf(text, sizeof text, f.model ? "%s of %s, which --cpu %s has" : "%s of %s, which no --cpu has",
             f.name.mnemonic, f.name.feature, f.model);
    struct event ev = {.kind = EV_CPU_LACKS, .data = text, .len = (uint32_t)strlen(text)};
    ev.f[EVF_CPU_LACKS_cs] = cpu->seg[CS].sel;
    ev.f[EVF_CPU_LACKS_ip] = rip;
    cpu_event(cpu, &ev);
}
