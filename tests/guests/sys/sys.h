/* sys.h - a small world for tests of the processor's system side: the guest runs a piece of assembly, and
 * prints on port E9h what became of it: a line a test, "name: ok eax=1" or "name: #GP(0010) +3 eax=1".
 *
 *   T(name, code)   in ring 0      U(name, code)   in ring 3      V(name, code)   in virtual-8086 mode      R(name, code)   in real mode
 *
 * A piece begins with all general registers 0 but the stack pointer, and ends by running off its end. What is
 * shown is rAX, and for an exception its error code, how far into the piece it was (+N), CR2 of a page fault,
 * DR6 of a debug exception. After each piece the world is put in order again (control, debug, segment and
 * table registers), but the test descriptors and page tables stay.
 *
 * A name that begins with * is one where QEMU's TCG does otherwise than the manuals say (limits and types of
 * segments, for example): it is left out if the multiboot command line has the word "lenient".
 */
#ifndef SYS_H
#define SYS_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long uptr;

/* Selectors, for C and for assembly. */
#define SELECTORS(S)                                                                                                                \
    S(CODE, 0x08) S(DATA, 0x10) S(UCODE, 0x1b) S(UDATA, 0x23) S(TSS, 0x28) S(DFTSS, 0x38) S(CODE16, 0x48) S(DATA16, 0x50)            \
    S(LDT, 0x58) S(CODE32, 0x68) S(UCODE32, 0x73) S(UCODE64, 0x83) S(T0, 0x90) S(T1, 0x98) S(T2, 0xa0) S(T3, 0xa8) S(T4, 0xb0)       \
    S(T5, 0xb8) S(T6, 0xc0) S(T7, 0xc8) S(FAULTS, 0xd0) S(LAST, 0xf8)
#define S(name, value) SEL_##name = value,
enum { SELECTORS(S) };
#undef S
#define S(name, value) ".set SEL_" #name ", " #value "\n"
__asm__(SELECTORS(S) ".set BUF, 0x200000\n.set LOW, 0x7000\n.set TABLES, 0x300000\n");
#undef S

/* A place to access (1 MiB), 64 KiB of low memory for 16-bit code, and where page tables are made. */
enum { BUF = 0x200000, LOW = 0x7000, TABLES = 0x300000 };

struct frame { /* as the exception entry leaves it */
#ifdef __x86_64__
    u64 r15, r14, r13, r12, r11, r10, r9, r8;
    u64 di, si, bp, unused, bx, dx, cx, ax;
    u64 vector, error, ip, cs, flags, sp, ss;
#else
    u32 es, ds;
    u32 di, si, bp, unused, bx, dx, cx, ax;
    u32 vector, error, ip, cs, flags, sp, ss; /* sp and ss of an outer ring only; then, from v86, es ds fs gs */
    u32 ves, vds, vfs, vgs;
#endif
};

extern u64 gdt[32];
extern u8 idt[256 * 16];
extern volatile u32 seen[16]; /* for pieces to leave numbers in */
__asm__(".set SEEN, seen\n");

void print(const char *text, ...); /* %s %x %d */
void group(const char *name);

/* type and flags as in a descriptor: bits 0-7 the access byte, 12-15 AVL L D G. */
void descriptor(unsigned sel, u32 base, u32 limit, u32 attr);
void raw_descriptor(unsigned sel, u64 v);
void gate_descriptor(unsigned sel, unsigned target, uptr offset, u32 attr, unsigned params);
/* Vector n to the usual handler with this type (8e: interrupt gate of ring 0), or any gate. */
void idt_usual(unsigned n, u32 attr);
void idt_gate(unsigned n, unsigned target, uptr offset, u32 attr, unsigned ist);
void idt_limit(unsigned limit); /* until the end of the next piece */
extern uptr usual_cr3, usual_cr4; /* what each piece finds */

/* What the usual handler does first: if it returns 1, the piece goes on after the frame (which it may change). */
extern int (*hook)(struct frame *);

enum mode { RING0, RING3, V86, REAL };
void run_piece(const char *name, const char *from, const char *to, enum mode mode);
void fault_tasks_on(int on); /* 32-bit: vectors 10-13 by task gates */
extern u32 v86_flags; /* flags of the next V pieces */
extern u32 user_flags; /* of the next U pieces */
extern unsigned user_code; /* their code selector */
extern int show_flags;  /* show the pushed flags too */

#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)
#define STRING2(x)   #x
#define STRING(x)    STRING2(x)
#define PIECE(name, code, mode, before, after)                                                                                      \
    do {                                                                                                                            \
        extern const char PASTE(piece_, __LINE__)[], PASTE(end_, __LINE__)[];                                                       \
        __asm__ volatile(".pushsection .text.pieces, \"ax\"\n.balign 16\npiece_" STRING(__LINE__) ":\n" before code "\n" after      \
                         "end_" STRING(__LINE__) ":\nret\n.popsection\n");                                                          \
        run_piece(name, PASTE(piece_, __LINE__), PASTE(end_, __LINE__), mode);                                                      \
    } while (0)
#define T(name, code) PIECE(name, code, RING0, "", "")
#define U(name, code) PIECE(name, code, RING3, "", "")
#ifdef __x86_64__
#define BACK ".code64\n"
#else
#define BACK ".code32\n"
#endif
#define V(name, code) PIECE(name, code, V86, ".code16\n", BACK)
#define R(name, code) PIECE(name, code, REAL, ".code16\n", BACK)

static inline void out8(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline u8 in8(u16 port)
{
    u8 v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}
#define READER(name, insn)                                                                                                          \
    static inline uptr name(void)                                                                                                   \
    {                                                                                                                               \
        uptr v;                                                                                                                     \
        __asm__ volatile("mov %%" insn ", %0" : "=r"(v));                                                                           \
        return v;                                                                                                                   \
    }                                                                                                                               \
    static inline void set_##name(uptr v) { __asm__ volatile("mov %0, %%" insn ::"r"(v) : "memory"); }
READER(cr0, "cr0") READER(cr2, "cr2") READER(cr3, "cr3") READER(cr4, "cr4") READER(dr6, "dr6") READER(dr7, "dr7")
static inline u64 rdmsr(u32 n)
{
    u32 lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n));
    return lo | (u64)hi << 32;
}
static inline void wrmsr(u32 n, u64 v) { __asm__ volatile("wrmsr" ::"c"(n), "a"((u32)v), "d"((u32)(v >> 32))); }
static inline void invlpg(uptr a) { __asm__ volatile("invlpg (%0)" ::"r"(a) : "memory"); }

/* 32-bit and 64-bit TSS; what both have. */
struct tss32 {
    u32 link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
    u16 trap, iomap;
    u8 io[0x2004];
};
struct tss64 {
    u32 reserved;
    u64 rsp[3], reserved2, ist[7], reserved3;
    u16 reserved4, iomap;
    u8 io[0x2004];
} __attribute__((packed));
#ifdef __x86_64__
extern struct tss64 tss;
#else
extern struct tss32 tss;
#endif

/* The groups of tests. */
void test_segments(void), test_gates(void), test_tasks(void), test_pages(void), test_privilege(void), test_exceptions(void);
void test_v86(void), test_debug(void), test_code(void), test_real(void);
void test_long(void), test_long_pages(void), test_long_gates(void), test_compat(void), test_levels5(void);

#endif
