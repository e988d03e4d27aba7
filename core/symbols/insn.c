/* insn.c - see insn.h. A decoder of lengths with one letter an opcode. */
#include <string.h>

#include "core/symbols/private/insn.h"

/* What follows an opcode:
 *   -  nothing                          m  a ModRM byte with its operand
 *   b  the same, and a byte             z  the same, and 4 bytes (2 with an operand size prefix)
 *   i  a byte                           d  4 bytes (2 with that prefix)
 *   w  2 bytes                          e  3 bytes
 *   v  like d, 8 bytes with REX.W       o  an address
 *   j  a jump's byte                    k  a jump's 4 bytes
 *   g  m; group 3: b or m               h  the same: z or m
 *   p  a prefix                         2, 3, 4  another table's opcode
 *   V  VEX; in 32-bit code perhaps m    E  EVEX; the same
 *   f  a far address
 *   x  no instruction */
static const char one[] = "mmmmidxxmmmmidx2"
                          "mmmmidxxmmmmidxx"
                          "mmmmidpxmmmmidpx"
                          "mmmmidpxmmmmidpx"
                          "pppppppppppppppp"
                          "----------------"
                          "xxEmppppdzib----"
                          "jjjjjjjjjjjjjjjj"
                          "bzxbmmmmmmmmmmmm"
                          "----------x-----"
                          "oooo----id------"
                          "iiiiiiiivvvvvvvv"
                          "bbw-VVbze-w--ix-"
                          "mmmmxxx-mmmmmmmm"
                          "jjjjiiiikkxj----"
                          "p-pp--gh------mm";
/* For 32-bit code: it has instructions in the place of REX, and of those that 64-bit code no longer has. */
static const char one_narrow[] = "mmmmid--mmmmid-2"
                                 "mmmmid--mmmmid--"
                                 "mmmmidp-mmmmidp-"
                                 "mmmmidp-mmmmidp-"
                                 "----------------"
                                 "----------------"
                                 "--Emppppdzib----"
                                 "jjjjjjjjjjjjjjjj"
                                 "bzbbmmmmmmmmmmmm"
                                 "----------f-----"
                                 "oooo----id------"
                                 "iiiiiiiivvvvvvvv"
                                 "bbw-VVbze-w--i--"
                                 "mmmmii--mmmmmmmm"
                                 "jjjjiiiikkfj----"
                                 "p-pp--gh------mm";
static const char two[] = "mmmmx-----x-xm-b"
                          "mmmmmmmmmmmmmmmm"
                          "mmmmxxxxmmmmmmmm"
                          "--------3x4xxxxx"
                          "mmmmmmmmmmmmmmmm"
                          "mmmmmmmmmmmmmmmm"
                          "mmmmmmmmmmmmmmmm"
                          "bbbbmmm-mmmmmmmm"
                          "kkkkkkkkkkkkkkkk"
                          "mmmmmmmmmmmmmmmm"
                          "---mbmmm---mbmmm"
                          "mmmmmmmmmmbmmmmm"
                          "mmbmbbbm--------"
                          "mmmmmmmmmmmmmmmm"
                          "mmmmmmmmmmmmmmmm"
                          "mmmmmmmmmmmmmmmm";

enum { RSP = 4, RBP = 5 };

/* An instruction while it is decoded. */
struct at {
    const uint8_t *p;
    size_t size, n; /* bytes there, bytes read */
    bool bad;
    bool narrow;               /* 32-bit code */
    bool small, wide, b, r, x; /* operand size prefix; REX */
    bool near;                 /* address size prefix */
    unsigned table;            /* 1: one byte, 2: 0Fh, 3: 0F38h, 4: 0F3Ah; 0: VEX and EVEX */
    uint8_t opcode, modrm;
    bool has_modrm;
    bool at_base; /* the operand is in memory at `base` + disp */
    unsigned base;
    int32_t disp;
};

static uint8_t byte(struct at *a)
{
    a->bad |= a->n >= a->size || a->n >= INSN_LONGEST;
    return a->bad ? 0 : a->p[a->n++];
}

static int32_t number(struct at *a, unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)byte(a) << 8 * i;
    return bytes == 1 ? (int8_t)v : bytes == 2 ? (int16_t)v : (int32_t)v;
}

/* Whether an operand is a whole register. */
static bool whole(const struct at *a)
{
    return a->narrow ? !a->small : a->wide;
}

/* What follows ModRM with 16-bit addresses (SDM volume 2, table 2-1). */
static void take_near(struct at *a)
{
    const unsigned mod = a->modrm >> 6;
    number(a, mod == 1 ? 1 : mod == 2 || (!mod && (a->modrm & 7) == 6) ? 2 : 0);
}

static void take_modrm(struct at *a)
{
    a->modrm = byte(a);
    a->has_modrm = true;
    unsigned mod = a->modrm >> 6, rm = a->modrm & 7, index = 4;
    bool no_base = !mod && rm == 5;
    if (mod == 3)
        return;
    if (a->narrow && a->near) {
        take_near(a);
        return;
    }
    if (rm == 4) {
        uint8_t sib = byte(a);
        rm = sib & 7;
        index = (sib >> 3 & 7) | (a->x ? 8 : 0);
        no_base = !mod && rm == 5;
    }
    a->disp = number(a, mod == 1 ? 1 : mod == 2 || no_base ? 4 : 0);
    a->at_base = !no_base && index == 4;
    a->base = rm | (a->b ? 8 : 0);
}

/* The opcode's letter. */
static char take_opcode(struct at *a)
{
    const char *letters = a->narrow ? one_narrow : one;
    char c;
    a->table = 1;
    for (a->opcode = byte(a); (c = letters[a->opcode]) == 'p'; a->opcode = byte(a)) {
        const bool rex = a->opcode >> 4 == 4;
        a->small |= a->opcode == 0x66;
        a->near |= a->opcode == 0x67;
        a->wide = rex && a->opcode & 8;
        a->r = rex && a->opcode & 4;
        a->x = rex && a->opcode & 2;
        a->b = rex && a->opcode & 1;
        if (a->bad)
            return 'x';
    }
    if (c == '2') {
        a->table = 2;
        a->opcode = byte(a);
        c = two[a->opcode];
    }
    if (c == '3' || c == '4') {
        a->table = (unsigned)(c - '0');
        a->opcode = byte(a);
        c = c == '3' ? 'm' : 'b';
    }
    return c;
}

/* Takes the rest of an instruction with a VEX or EVEX prefix. All such instructions are on vectors, masks or
 * general registers. */
static void take_vex(struct at *a, bool evex)
{
    unsigned map = 1;
    if (evex || a->opcode == 0xc4)
        map = byte(a) & (evex ? 7 : 31);
    number(a, evex ? 2 : 1);
    uint8_t opcode = byte(a);
    a->table = 0;
    a->bad |= !map || map > 6;
    if (map != 1 || two[opcode] != '-')
        take_modrm(a);
    if (map == 3 || (map == 1 && two[opcode] == 'b'))
        byte(a);
}

/* In 32-bit code LES, LDS and BOUND, whose operand is in memory, have the same first byte. */
static void take_vex_or_not(struct at *a, bool evex)
{
    if (a->narrow && a->n < a->size && a->p[a->n] < 0xc0)
        take_modrm(a);
    else
        take_vex(a, evex);
}

/* Takes what comes after the opcode. Returns the last number in it. */
static int32_t take_operands(struct at *a, char c)
{
    const unsigned full = a->small && !a->wide ? 2 : 4;
    if (strchr("mbzgh", c))
        take_modrm(a);
    switch (c) {
    case 'b':
    case 'i':
    case 'j':
        return number(a, 1);
    case 'g':
        return number(a, a->modrm >> 3 & 6 ? 0 : 1);
    case 'h':
        return number(a, a->modrm >> 3 & 6 ? 0 : full);
    case 'z':
    case 'd':
        return number(a, full);
    case 'k':
        return number(a, a->narrow ? full : 4);
    case 'v':
        return number(a, a->wide ? 8 : full);
    case 'w':
        return number(a, 2);
    case 'e':
        return number(a, 3);
    case 'o':
        return number(a, !a->narrow ? 8 : a->near ? 2 : 4);
    case 'f':
        number(a, full);
        number(a, 2);
        return 0;
    case 'V':
    case 'E':
        take_vex_or_not(a, c == 'E');
        return 0;
    default:
        a->bad |= c == 'x';
        return 0;
    }
}

/* ---------------------------------------------------------------- where it goes */

static enum insn_flow flow_of(const struct at *a, char c)
{
    const unsigned group = a->modrm >> 3 & 7;
    if (a->table == 2)
        return c == 'k'                                 ? INSN_BRANCH
               : a->opcode == 0x0b                      ? INSN_TRAP
               : a->opcode == 0x07 || a->opcode == 0x35 ? INSN_SYSRET
                                                        : INSN_NEXT;
    if (a->table != 1)
        return INSN_NEXT;
    switch (a->opcode) {
    case 0x9a:
        return INSN_CALL_AT;
    case 0xe8:
        return INSN_CALL;
    case 0xe9:
    case 0xeb:
        return INSN_JUMP;
    case 0xc2:
    case 0xc3:
        return INSN_RETURN;
    case 0xca:
    case 0xcb:
    case 0xcf:
    case 0xea:
        return INSN_FAR;
    case 0xcc:
    case 0xf4:
        return INSN_TRAP;
    case 0xff:
        return group == 2 || group == 3 ? INSN_CALL_AT : group == 4 || group == 5 ? INSN_JUMP_AT : INSN_NEXT;
    default:
        return c == 'j' ? INSN_BRANCH : INSN_NEXT;
    }
}

/* ---------------------------------------------------------------- what becomes of the stack pointer */

static void set(struct insn *i, enum insn_stack stack, unsigned reg, int32_t n)
{
    i->stack = stack;
    i->reg = (uint8_t)reg;
    i->n = n;
}

/* For a load or store of a whole register, or of an address: mov in both directions, lea. */
static void moves(const struct at *a, struct insn *i)
{
    const unsigned reg = (a->modrm >> 3 & 7) | (a->r ? 8 : 0), rm = (a->modrm & 7) | (a->b ? 8 : 0);
    const bool registers = a->modrm >> 6 == 3;
    const unsigned to = a->opcode == 0x89 ? rm : reg, from = a->opcode == 0x89 ? reg : rm;
    if (!registers && a->opcode == 0x89) {
        if (a->at_base && a->base == RSP && whole(a))
            set(i, INSN_STORE, reg, a->disp);
        return;
    }
    if (a->opcode == 0x8d && to == RSP)
        set(i, a->at_base && whole(a) ? a->base == RSP ? INSN_MOVE : INSN_SET : INSN_LOST, a->base, a->disp);
    else if (a->opcode == 0x8d && whole(a) && a->at_base && a->base == RSP)
        set(i, INSN_FRAME, reg, a->disp);
    else if (a->opcode != 0x8d && registers && whole(a) && to == RSP)
        set(i, INSN_SET, from, 0);
    else if (a->opcode != 0x8d && registers && whole(a) && from == RSP)
        set(i, INSN_FRAME, to, 0);
    else if (to == RSP)
        set(i, INSN_LOST, 0, 0);
    else if (!registers && a->opcode == 0x8b && whole(a) && a->at_base && a->base == RSP)
        set(i, INSN_FETCH, reg, a->disp);
}

/* Groups 1, 5 and 1A: add, sub and others of a number; push and pop of memory. */
static void groups(const struct at *a, struct insn *i, int32_t n)
{
    const unsigned operation = a->modrm >> 3 & 7;
    const bool of_rsp = a->modrm >> 6 == 3 && (a->modrm & 7) == RSP && !a->b;
    if (a->opcode == 0xff && operation == 6)
        set(i, INSN_PUSH, INSN_NO_REGISTER, 0);
    else if (a->opcode == 0x8f)
        set(i, INSN_POP, INSN_NO_REGISTER, 0);
    else if (of_rsp && (a->opcode == 0x81 || a->opcode == 0x83) && operation != 7)
        set(i, whole(a) && (operation == 0 || operation == 5) ? INSN_MOVE : INSN_LOST, 0, operation ? -n : n);
    else if (of_rsp && a->opcode == 0xff && operation < 2)
        set(i, INSN_LOST, 0, 0);
}

/* An operation whose result is in the register of ModRM's second or third part, if that is rsp. */
static bool changes_rsp(const struct at *a)
{
    const bool reg = (a->modrm >> 3 & 7) == RSP && !a->r;
    const bool rm = a->modrm >> 6 == 3 && (a->modrm & 7) == RSP && !a->b;
    if (a->opcode < 0x38 && (a->opcode & 7) < 4)
        return a->opcode & 2 ? reg : rm;
    return a->opcode == 0x87 && (reg || rm);
}

/* For instructions that only 32-bit code has. False if it is another one. */
static bool narrow_stack(const struct at *a, struct insn *i)
{
    const uint8_t o = a->opcode;
    if (o >> 4 == 4 || o == 0x90 + RSP) { /* inc, dec; xchg */
        if ((o & 7) == RSP)
            set(i, INSN_LOST, 0, 0);
    } else if (o == 0x06 || o == 0x0e || o == 0x16 || o == 0x1e) {
        set(i, INSN_PUSH, INSN_NO_REGISTER, 0);
    } else if (o == 0x07 || o == 0x17 || o == 0x1f) {
        set(i, INSN_POP, INSN_NO_REGISTER, 0);
    } else if (o == 0x60) {
        set(i, INSN_MOVE, 0, a->small ? -INSN_PUSHAL / 2 : -INSN_PUSHAL);
    } else if (o == 0x61) {
        set(i, INSN_POP_ALL, 0, a->small ? INSN_PUSHAL / 2 : INSN_PUSHAL);
    } else {
        return false;
    }
    return true;
}

/* In 32-bit code a call of the next instruction is there for what it pushes: the address. A push of 16 bits
 * is just a move. */
static void narrow_special(const struct at *a, struct insn *i)
{
    if (i->flow == INSN_CALL && i->target == (int32_t)i->length) {
        i->flow = INSN_NEXT;
        set(i, INSN_PUSH, INSN_NO_REGISTER, 0);
    } else if (a->small && (i->stack == INSN_PUSH || i->stack == INSN_POP)) {
        set(i, INSN_MOVE, 0, i->stack == INSN_PUSH ? -2 : 2);
    }
}

static void stack_of(const struct at *a, struct insn *i, int32_t n)
{
    const unsigned low = (a->opcode & 7) | (a->b ? 8 : 0);
    const uint8_t o = a->opcode;
    const int32_t word = a->narrow ? 4 : 8;
    set(i, INSN_NONE, INSN_NO_REGISTER, 0);
    if (a->table == 2) {
        if (o == 0xa0 || o == 0xa8)
            set(i, INSN_PUSH, INSN_NO_REGISTER, 0);
        else if (o == 0xa1 || o == 0xa9)
            set(i, INSN_POP, INSN_NO_REGISTER, 0);
        return;
    }
    if (a->table != 1 || (a->narrow && narrow_stack(a, i)))
        return;
    if (o >= 0x50 && o < 0x58)
        set(i, INSN_PUSH, low, 0);
    else if (o >= 0x58 && o < 0x60)
        set(i, low == RSP ? INSN_LOST : INSN_POP, low, 0);
    else if (o == 0x68 || o == 0x6a || o == 0x9c)
        set(i, INSN_PUSH, INSN_NO_REGISTER, 0);
    else if (o == 0x9d)
        set(i, INSN_POP, INSN_NO_REGISTER, 0);
    else if (o == 0xca || o == 0xcb)
        set(i, INSN_MOVE, 0, 2 * word);
    else if (o == 0xcf) /* 32-bit code: to where it came from, if that was the same ring */
        set(i, INSN_MOVE, 0, a->narrow ? INSN_IRET_POPS_NARROW : INSN_IRET_POPS);
    else if (o == 0xc2)
        i->n = n & 0xffff;
    else if (o == 0xc9)
        set(i, INSN_LEAVE, RBP, 0);
    else if (o == 0xc8 || (o == 0xb8 + RSP && !a->b))
        set(i, INSN_LOST, 0, 0);
    else if (o == 0x89 || o == 0x8b || o == 0x8d)
        moves(a, i);
    else if (a->has_modrm && changes_rsp(a))
        set(i, INSN_LOST, 0, 0);
    else
        groups(a, i, n);
}

static bool decode(const uint8_t *p, size_t size, bool narrow, struct insn *i)
{
    struct at a = {.p = p, .size = size, .narrow = narrow};
    char c = take_opcode(&a);
    int32_t n = take_operands(&a, c);
    if (a.bad)
        return false;
    *i = (struct insn){.length = (uint8_t)a.n, .flow = flow_of(&a, c)};
    i->target = (int32_t)((uint32_t)a.n + (uint32_t)n);
    stack_of(&a, i, n);
    if (narrow)
        narrow_special(&a, i);
    return true;
}

bool insn_decode(const uint8_t *p, size_t size, struct insn *i)
{
    return decode(p, size, false, i);
}

bool insn_decode_narrow(const uint8_t *p, size_t size, struct insn *i)
{
    return decode(p, size, true, i);
}
