/* derail.c - see derail.h. */
#include <inttypes.h>

#include "core/views/decoded.h"
#include "core/why/private/derail.h"

enum { PAGE = 4096, SECTOR = 512 };

/* ---------------------------------------------------------------- where the target came from */

static bool in_display(uint64_t physical)
{
    return physical >= 0xa0000 && physical < 0xc0000;
}

/* The place in memory that the target was read from. False if it was in none. */
static bool pointer_of(const struct jump *j, const struct came *came, uint64_t *pointer)
{
    *pointer = j->memory ? j->pointer : came->pointer;
    return j->memory || came->loaded;
}

/* "at 0x100058 (fib): push ebx", by processor 2, if it is another one. */
static const char *writer_words(struct why_case *c, const struct jump *j, const struct came *came,
                                char buf[PLACE_TEXT])
{
    char at[PLACE_TEXT], other[32] = "";
    if (came->by_cpu != j->cpu)
        snprintf(other, sizeof other, " by processor %u", came->by_cpu);
    case_address(c, came->by_icount, came->by_cpu, came->by_pc, at);
    snprintf(buf, PLACE_TEXT, "overwritten%s at %.200s: %.100s", other, at, came->by);
    return buf;
}

static bool is_drive(struct why_case *c, const char *role)
{
    const int k = trace_image_by_role(c->t, role);
    return k >= 0 && image_is_drive(&trace_config(c->t)->images[k]);
}

static bool is_memory(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t linear)
{
    uint8_t byte;
    return case_go(c, icount) && timeline_peek(c->tl, cpu, linear, &byte, 1) == 1;
}

/* The pointer's own address is none: what its register has, and from where. */
static void base_words(struct why_case *c, const struct jump *j, struct text *out)
{
    char by[PLACE_TEXT];
    const struct came came = register_came(c, j->cpu, j->icount, j->base);
    if (!case_go(c, j->icount))
        return;
    char wide[sizeof j->base + 1];
    snprintf(wide, sizeof wide, "r%s", j->base + (*j->base == 'e' || *j->base == 'r'));
    const uint64_t value = timeline_reg(c->tl, j->cpu, wide);
    text_add(out, ": %s is 0x%" PRIx64, j->base, value);
    if (came.known && came.icount)
        text_add(out, ", from %s at %s", came.text, case_address(c, came.icount, j->cpu, came.pc, by));
}

/* Why the target is what it is, as the end of a headline. */
static void target_words(struct why_case *c, const struct jump *j, const struct came *came, struct text *out)
{
    char at[PLACE_TEXT], by[PLACE_TEXT];
    uint64_t pointer;
    if (j->memory && *j->base && j->kind != JUMP_RETURN && !is_memory(c, j->cpu, j->icount, j->pointer)) {
        base_words(c, j, out);
        return;
    }
    if (!came->known)
        return;
    if (!pointer_of(j, came, &pointer)) {
        if (came->icount && came->source != ORIGIN_CONSTANT)
            text_add(out, ", which is from %s", came->text);
        return;
    }
    case_address(c, j->icount, j->cpu, pointer, at);
    if (pointer < PAGE && case_go(c, j->icount) && timeline_reg(c->tl, j->cpu, "cr0") & 1)
        text_add(out, ", which was read from 0x%" PRIx64 ": through a null pointer", pointer);
    else if (in_display(pointer))
        text_add(out, ", which was read from %s, and that is no RAM", at);
    else if (came->never)
        text_add(out, ": nobody has written to the pointer at %s", at);
    else if (came->source == ORIGIN_IMAGE && came->image && !came->by_icount && is_drive(c, came->image))
        text_add(out, ": the pointer at %s has bytes of %s, sector %" PRIu64, at, came->image,
                 came->offset / SECTOR);
    else if (came->by_icount)
        text_add(out, ": the pointer at %s was %s", at, writer_words(c, j, came, by));
    else
        text_add(out, ": the pointer at %s is as it was at the beginning", at);
}

/* The register that the pointer's address is made of, if that address is none: who has set it. */
static void base_line(struct why_case *c, struct finding *f, const struct jump *j)
{
    char place[PLACE_TEXT];
    if (!j->memory || !*j->base || j->pointer >= PAGE)
        return;
    const struct came came = register_came(c, j->cpu, j->icount, j->base);
    if (came.known && came.icount)
        find_line(f, came.icount, case_place(c, came.icount, j->cpu, came.pc, place),
                  "%s, through which it is read, comes from here: %s", j->base, came.text);
}

static void a20_note(struct why_case *c, struct finding *f, const struct came *came)
{
    uint64_t open = 1;
    if (!strncmp(came->by, "rep", 3) && came->written && case_go(c, came->written) &&
        !timeline_field(c->tl, "board", "a20", 0, &open) && !open)
        find_note(f, "A20 is off at that write: addresses from 1 MiB on wrap to 0");
}

/* ---------------------------------------------------------------- the verdict */

/* A return pops what its function has pushed and not popped: the return address is still there, behind it. A program may also push an address in order
 * to return to it at once. */
static bool is_unbalanced(struct why_case *c, const struct jump *j, const struct came *came)
{
    enum { AT_ONCE = 4 /* steps */, WORDS = 4 };
    if (j->kind != JUMP_RETURN || !came->known || came->by_cpu != j->cpu || strncmp(came->by, "push ", 5) ||
        j->icount - came->by_icount < AT_ONCE)
        return false;
    for (unsigned i = 1; i <= WORDS; i++) {
        struct jump behind = *j;
        behind.pointer += (uint64_t)i * j->size;
        const struct came there = jump_came(c, &behind);
        if (there.by_call)
            return there.by_icount < came->by_icount;
    }
    return false;
}

/* A return takes its address from where nobody has written since the reset: that is no stack. Where the stack pointer comes from, if it was loaded. */
static void stack_verdict(struct why_case *c, struct finding *f, const struct jump *j, const char *where)
{
    char at[PLACE_TEXT], by[PLACE_TEXT], place[PLACE_TEXT];
    const struct came sp = register_came(c, j->cpu, j->icount, "esp");
    case_address(c, j->icount, j->cpu, j->pc, at);
    find_verdict(f, WHY_RAILS_NO_STACK, j->icount,
                 "the return at %s goes to %s: the stack pointer is 0x%" PRIx64
                 ", where nobody has pushed anything",
                 at, where, j->pointer);
    if (sp.known && sp.icount)
        find_line(f, sp.icount, case_place(c, sp.icount, j->cpu, sp.pc, place),
                  "the stack pointer comes from here: %s", sp.text);
    else if (sp.known && sp.memory)
        find_note(f, "the stack pointer comes from %s, where nobody has written",
                  case_address(c, j->icount, j->cpu, sp.linear, by));
}

void derail_verdict(struct why_case *c, struct finding *f, const struct jump *j, const char *where)
{
    char at[PLACE_TEXT], by[PLACE_TEXT];
    struct text why = {0};
    const struct came came = jump_lines(c, f, j);
    if (!case_go(c, j->icount))
        return;
    const bool unbalanced = is_unbalanced(c, j, &came);
    case_address(c, j->icount, j->cpu, j->pc, at);
    if (unbalanced) {
        find_verdict(f, WHY_RAILS_UNBALANCED, j->icount,
                     "the return at %s pops what %.60s at %s has left on the stack, and goes to %s", at,
                     came.by, case_address(c, came.by_icount, j->cpu, came.by_pc, by), where);
        return;
    }
    if (j->kind == JUMP_RETURN && !came.known) {
        stack_verdict(c, f, j, where);
        return;
    }
    if (j->kind == JUMP_RETURN) {
        find_verdict(f, WHY_RAILS_RETURN, j->icount, "a return address was %s; the return at %s goes to %s",
                     writer_words(c, j, &came, by), at, where);
        return;
    }
    target_words(c, j, &came, &why);
    if (j->kind == JUMP_INTERRUPT)
        find_verdict(f, WHY_RAILS_VECTOR, came.written,
                     "INT %02Xh goes astray: its vector at 0x%" PRIx64 " was %s", j->vector, j->pointer,
                     writer_words(c, j, &came, by));
    else if (!j->target)
        find_verdict(f, WHY_RAILS_NULL_CALL, j->icount, "a null pointer was called or jumped to at %s: %s%s",
                     at, j->text, why.s ? why.s : "");
    else
        find_verdict(f, WHY_RAILS_WILD_JUMP, j->icount, "%s at %s goes astray, to %s%s", j->text, at, where,
                     why.s ? why.s : "");
    if (j->kind == JUMP_INTERRUPT)
        a20_note(c, f, &came);
    base_line(c, f, j);
    free(why.s);
}

/* ---------------------------------------------------------------- jumps that went astray */

/* What is not in memory, in the display's, or in the first page of protected mode, where the real mode's vectors are. */
static bool is_no_place(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t pc)
{
    enum { LOOKED = 8 };
    uint8_t bytes[LOOKED];
    struct view_walk w;
    if (!case_go(c, icount))
        return false;
    const bool protected = timeline_reg(c->tl, cpu, "cr0") & 1;
    view_walk(timeline_look(c->tl), cpu, pc, &w);
    if (!w.mapped)
        return true;
    return timeline_peek_physical(c->tl, w.physical, bytes, LOOKED) != LOOKED || (protected && pc < PAGE) ||
           in_display(w.physical);
}

static bool was_never_written(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t pc)
{
    const struct came came = memory_came(c, cpu, icount, pc, 1);
    return came.known && came.never;
}

/* The jump's target is what no program means. `last`: nothing has jumped since, so that nothing of what it went to was meant. */
static bool goes_astray(struct why_case *c, const struct jump *j, bool last)
{
    enum { VECTORS = 0x400 };
    const struct event *sector = facts_last(&c->now, EV_BOOT_SECTOR_ENTER);
    if (!j->indirect)
        return false;
    if (j->kind == JUMP_INTERRUPT) {
        const struct came came = jump_came(c, j);
        return last && sector && came.known && came.by_icount > sector->icount && j->pointer < VECTORS;
    }
    const bool nowhere = is_no_place(c, j->cpu, j->icount + 1, j->target) ||
                         (last && was_never_written(c, j->cpu, j->icount, j->target));
    if (j->kind == JUMP_RETURN || j->kind == JUMP_INTERRUPT_RETURN) {
        const struct came came = jump_came(c, j);
        return (nowhere && j->kind == JUMP_RETURN && (!came.by_call || came.by_cpu != j->cpu)) ||
               is_unbalanced(c, j, &came);
    }
    /* A pointer that holds a return address: its place was taken for a stack. */
    return nowhere || (j->kind == JUMP_CALL && j->memory && jump_came(c, j).by_call);
}

/* The place it went to, in words: why no code is there. */
static const char *place_words(struct why_case *c, const struct jump *j, char buf[PLACE_TEXT])
{
    enum { PE = 1, PG = 1u << 31 };
    const char *name = case_address(c, j->icount, j->cpu, j->target, buf);
    const uint64_t cr0 = case_go(c, j->icount + 1) ? timeline_reg(c->tl, j->cpu, "cr0") : 0;
    uint8_t byte;
    if (j->kind == JUMP_RETURN) /* who overwrote its address says more */
        return buf;
    if (cr0 & PE && !(cr0 & PG) && timeline_peek_physical(c->tl, j->target, &byte, 1) != 1) {
        const size_t n = strlen(name);
        snprintf(buf + n, PLACE_TEXT - n, ", where no memory is (paging is off)");
    } else if (was_never_written(c, j->cpu, j->icount, j->target)) {
        const size_t n = strlen(name);
        snprintf(buf + n, PLACE_TEXT - n, ", where nobody has put code");
    }
    return buf;
}

bool derail_wild(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount)
{
    enum { JUMPS = 12, BACK = 200000 /* steps */ };
    struct jump j, first;
    bool found = false;
    char to[PLACE_TEXT];
    uint64_t at = icount;
    for (unsigned i = 0;
         i < JUMPS && case_affords(c) && jump_find(c, cpu, at, &j) && icount - j.icount < BACK; i++) {
        if (goes_astray(c, &j, !i)) {
            first = j;
            found = true;
        }
        at = j.icount;
    }
    if (!found)
        return false;
    derail_verdict(c, f, &first, place_words(c, &first, to));
    return true;
}

/* IRET would take the frame one word too high: its own first two words are below the stack pointer and at it. The handler has removed an error code
 * that there was none of. */
static bool frame_shifted(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t sp,
                          unsigned size)
{
    enum { ALWAYS_ONE = 2, IF = 0x200 };
    uint64_t word[3] = {0};
    char at[PLACE_TEXT];
    for (unsigned i = 0; i < 3; i++)
        timeline_peek(c->tl, cpu, sp + ((uint64_t)i * size) - size, &word[i], size);
    const uint64_t pc = timeline_pc(c->tl, cpu);
    const bool shifted = word[1] == timeline_reg(c->tl, cpu, "cs") && word[2] < 0x400000 &&
                         word[2] & ALWAYS_ONE && !is_no_place(c, cpu, icount, word[0]);
    if (!shifted || !case_go(c, icount))
        return false;
    case_address(c, icount, cpu, pc, at);
    find_verdict(
        f, WHY_FAULT_ERROR_CODE, icount,
        "IRET at %s takes the frame a word too high: its handler removed an error code that is not there",
        at);
    find_line(f, icount, NULL,
              "it would pop 0x%" PRIx64 " (CS) as the address, and 0x%" PRIx64 " (the flags) as CS", word[1],
              word[2]);
    return true;
}

bool derail_frame(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount)
{
    struct decoded d;
    char at[PLACE_TEXT], by[PLACE_TEXT];
    uint64_t selector = 0;
    if (!case_go(c, icount) || !decoded_open(c->tl, cpu, &d))
        return false;
    const unsigned id = d.insn->id;
    decoded_close(&d);
    if (id != X86_INS_IRET && id != X86_INS_IRETD && id != X86_INS_IRETQ)
        return false;
    const unsigned size = id == X86_INS_IRETQ ? 8 : timeline_code_bits(c->tl, cpu) == 16 ? 2 : 4;
    const uint64_t slot = view_stack(timeline_look(c->tl), cpu) + size, pc = timeline_pc(c->tl, cpu);
    timeline_peek(c->tl, cpu, slot, &selector, size);
    if (frame_shifted(c, f, cpu, icount, slot - size, size))
        return true;
    const struct came came = memory_came(c, cpu, icount, slot, size);
    /* A frame may be made by hand: pushed, or built in a structure by moves of what a program means. */
    if (!came.known || !came.by_icount || came.delivery || !strncmp(came.by, "push", 4) ||
        (strncmp(came.by, "rep", 3) && selector < 0x100))
        return false;
    const struct jump j = {.cpu = cpu};
    case_address(c, icount, cpu, pc, at);
    find_verdict(f, WHY_RAILS_RETURN, icount,
                 "the frame to which IRET at %s returns was %s; its CS is %" PRIx64 "h", at,
                 writer_words(c, &j, &came, by), selector);
    find_line(f, came.by_icount, NULL, "the frame at 0x%" PRIx64 " is overwritten here: %s", slot - size,
              came.by);
    return true;
}

/* ---------------------------------------------------------------- code that was overwritten */

/* The byte of an image that is at an address at a position, and since when. False if it is of none. */
static bool loaded_from(struct why_case *c, unsigned cpu, uint64_t icount, uint64_t linear, struct came *came)
{
    *came = memory_came(c, cpu, icount, linear, 1);
    return came->known && came->source == ORIGIN_IMAGE && came->image && came->written > c->now.begin;
}

static bool reloaded_at(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t pc)
{
    struct came later, earlier;
    char at[PLACE_TEXT];
    if (!loaded_from(c, cpu, icount, pc, &later) || !loaded_from(c, cpu, later.written, pc, &earlier) ||
        (later.image == earlier.image && later.offset == earlier.offset))
        return false;
    case_address(c, icount, cpu, pc, at);
    find_verdict(f, WHY_RAILS_RELOADED, later.written,
                 "the code at %s was overwritten by a later read: sector %" PRIu64
                 " of %s came over sector %" PRIu64,
                 at, later.offset / SECTOR, later.image, earlier.offset / SECTOR);
    find_line(f, earlier.written, NULL, "0x%" PRIx64 " is loaded: %s", pc, earlier.text);
    find_line(f, later.written, NULL, "and loaded again: %s", later.text);
    find_disk_services(f, c, later.written);
    return true;
}

bool derail_reloaded(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t pc)
{
    struct jump j;
    if (!case_affords(c))
        return false;
    if (jump_find(c, cpu, icount, &j) && j.target != pc && reloaded_at(c, f, cpu, icount, j.target))
        return true;
    return reloaded_at(c, f, cpu, icount, pc);
}

static bool see_hit(void *ctx, const struct timeline_hit *hit)
{
    *(uint64_t *)ctx = hit->icount;
    return false; /* once is enough */
}

bool derail_overwritten(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount, uint64_t pc)
{
    const struct timeline_stop stop = {.kind = TS_BREAK_LINEAR, .address = pc};
    const struct came came = case_affords(c) ? memory_came(c, cpu, icount, pc, 1) : (struct came){0};
    struct timeline_stopped s;
    struct error ignored;
    uint64_t ran = 0;
    char at[PLACE_TEXT], place[PLACE_TEXT];
    if (!came.known || came.written <= c->now.begin || came.source == ORIGIN_CONSTANT || !case_affords(c) ||
        !case_go(c, came.written) ||
        timeline_scan(c->tl, &stop, c->now.begin + 1, came.written, see_hit, &ran, &s, &ignored) || !ran)
        return false;
    case_address(c, icount, cpu, pc, at);
    find_verdict(f, WHY_RAILS_OVERWRITTEN, came.written,
                 "the code at %s was overwritten after it had run: %s", at, came.text);
    find_line(f, ran, NULL, "what was at 0x%" PRIx64 " ran here before", pc);
    case_go(c, came.written);
    find_line(f, came.written, case_place(c, came.written, cpu, timeline_pc(c->tl, cpu), place),
              "here it was overwritten");
    return true;
}

bool derail_halt_returns(struct why_case *c, struct finding *f, unsigned cpu, uint64_t icount)
{
    enum { NEAR = 64 /* bytes */, HLT = 0xf4 };
    struct jump j;
    uint8_t before = 0;
    char at[PLACE_TEXT], here[PLACE_TEXT];
    if (!case_affords(c) || !jump_find(c, cpu, icount, &j) || j.kind != JUMP_INTERRUPT_RETURN || !j.target ||
        !case_go(c, icount))
        return false;
    const uint64_t pc = timeline_pc(c->tl, cpu);
    if (pc < j.target || pc - j.target > NEAR || timeline_peek(c->tl, cpu, j.target - 1, &before, 1) != 1 ||
        before != HLT)
        return false;
    case_address(c, icount, cpu, j.target - 1, at);
    find_verdict(f, WHY_RAILS_HALT_RETURNS, j.icount,
                 "an interrupt ends HLT at %s, and execution runs on behind it, into what is no code at %s",
                 at, case_address(c, icount, cpu, pc, here));
    find_line(f, j.icount, case_place(c, j.icount, cpu, j.pc, here),
              "the interrupt's handler returns behind HLT: %s", j.text);
    return true;
}
