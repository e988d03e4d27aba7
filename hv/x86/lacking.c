/* lacking.c - instructions that the processor's model lacks: the first #UD by one at each address is an event (EV_CPU_LACKS) that says
 * which instruction, of which feature, and which model has it.
 *
 * Their names come from the instruction table, and for what no model has (AVX-512, XOP, 3DNow! ...) from capstone. What was told is
 * state, in a section of its own that is saved only if there is something in it. Nothing of it reaches the guest. */
#include <capstone/capstone.h>
#include <stdio.h>

#include "hv/x86/decode.h"
#include "hv/x86/insn.h"
#include "hv/x86/sys.h"

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

enum { BYTES = PLAIN_BYTES, NAME = 40 };

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

struct finding {
    char mnemonic[NAME], feature[NAME];
    const char *model; /* NULL: none has it */
};

/* In the table, as a processor with everything decodes it. */
static bool find_row(struct x86 *cpu, const uint8_t *bytes, struct finding *f)
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
    snprintf(f->mnemonic, NAME, "%s", r->mnemonic);
    snprintf(f->feature, NAME, "%s", feature_name(r->feature));
    f->model = cpuid_least_model(r->feature);
    return true;
}

/* The extensions among capstone's groups. */
static bool find_group(csh handle, const cs_insn *in, struct finding *f)
{
    for (unsigned i = 0; i < in->detail->groups_count; i++) {
        unsigned g = in->detail->groups[i];
        if (g < X86_GRP_3DNOW || g == X86_GRP_MODE32 || g == X86_GRP_MODE64 || g == X86_GRP_16BITMODE ||
            g == X86_GRP_NOT64BITMODE || g == X86_GRP_NOVLX)
            continue;
        const char *name = cs_group_name(handle, g);
        for (unsigned k = 0; name && name[k] && k + 1 < NAME; k++)
            f->feature[k] = (char)(name[k] >= 'a' && name[k] <= 'z' ? name[k] - 'a' + 'A' : name[k]);
        return name;
    }
    return false;
}

/* An EVEX prefix: outside 64-bit code it is BOUND if it has a memory operand. Legacy prefixes do not come before it. */
static bool is_evex(const struct x86 *cpu, const uint8_t *bytes)
{
    return bytes[0] == 0x62 && (cpu->code_bits == 64 || bytes[1] >= 0xc0);
}

static bool find_other(const struct x86 *cpu, const uint8_t *bytes, struct finding *f)
{
    csh handle;
    cs_mode mode = cpu->code_bits == 64 ? CS_MODE_64 : cpu->code_bits == 32 ? CS_MODE_32 : CS_MODE_16;
    bool found = false;
    if (cs_open(CS_ARCH_X86, mode, &handle) != CS_ERR_OK)
        return false;
    cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON);
    cs_insn *in = cs_malloc(handle);
    const uint8_t *p = bytes;
    size_t n = BYTES;
    uint64_t address = 0;
    if (in && cs_disasm_iter(handle, &p, &n, &address, in)) {
        snprintf(f->mnemonic, NAME, "%s", in->mnemonic);
        found = find_group(handle, in, f);
    }
    if (is_evex(cpu, bytes)) { /* whatever capstone knows of it */
        if (!found)
            snprintf(f->mnemonic, NAME, "%s", "an instruction");
        snprintf(f->feature, NAME, "%s", "AVX-512");
        found = true;
    }
    if (in)
        cs_free(in, 1);
    cs_close(&handle);
    return found;
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
    struct finding f = {0};
    struct lacking *l = &cpu->lacking;
    uint8_t bytes[BYTES];
    uint64_t rip = rip_of(cpu, op), head;
    char text[160];
    read_bytes(cpu, op, bytes);
    memcpy(&head, bytes, sizeof head);
    if (is_plain(cpu, bytes) || is_told(l, rip, head))
        return;
    if (!find_row(cpu, bytes, &f) && !find_other(cpu, bytes, &f)) {
        note_plain(cpu, bytes);
        return;
    }
    l->at[l->count] = rip;
    l->bytes[l->count++] = head;
    snprintf(text, sizeof text, f.model ? "%s of %s, which --cpu %s has" : "%s of %s, which no --cpu has",
             f.mnemonic, f.feature, f.model);
    struct event ev = {.kind = EV_CPU_LACKS, .data = text, .len = (uint32_t)strlen(text)};
    ev.f[EVF_CPU_LACKS_cs] = cpu->seg[CS].sel;
    ev.f[EVF_CPU_LACKS_ip] = rip;
    cpu_event(cpu, &ev);
}
