/* world.h - what the hypervisors of the tests share: printing on port E9h, registers, exceptions of their own. For svm.c and vmx.c, which
 * start.S begins. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

/* ---------------------------------------------------------------- the world around */

extern char stubs[];
extern u64 pml4[512], directory[512], gdt[8], registers[6];
extern u8 tss[4096];
void trapped(u64 vector, u64 error, u64 *frame);
int main(void);
void *memset(void *to, int c, u64 n);

void *memset(void *to, int c, u64 n)
{
    void *start = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
    return start;
}

static inline void out8(u16 port, u8 v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline u64 rdmsr(u32 n)
{
    u32 lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n));
    return lo | (u64)hi << 32;
}
static inline void wrmsr(u32 n, u64 v) { __asm__ volatile("wrmsr" ::"c"(n), "a"((u32)v), "d"((u32)(v >> 32))); }
static inline u64 rdtsc(void)
{
    u32 lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return lo | (u64)hi << 32;
}
static u64 cr(unsigned n)
{
    u64 v = 0;
    if (n == 0)
        __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    else if (n == 3)
        __asm__ volatile("mov %%cr3, %0" : "=r"(v));
    else
        __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

static void put(char c) { out8(0xe9, (u8)c); }
static void text(const char *s)
{
    while (*s)
        put(*s++);
}
static void hex(u64 v)
{
    char digits[16];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    while (n)
        put(digits[--n]);
}
/* Words and numbers in turn, until a null word. */
static void say(const char *word, u64 v)
{
    put(' ');
    text(word);
    put(' ');
    hex(v);
}

/* What the IDT's handlers have seen: the last vector, its error code and address, how many there were. */
static volatile u64 seen_vector, seen_error, seen_rip, seen_count;
static volatile u64 skip; /* the handler goes on so far behind a fault */
void trapped(u64 vector, u64 error, u64 *frame)
{
    seen_vector = vector;
    seen_error = error;
    seen_rip = frame[0];
    seen_count++;
    frame[0] += skip;
    if (vector >= 0x20 && vector < 0x28)
        out8(0x20, 0x20);
    if (vector == 0x30)
        *(volatile u32 *)0xfee000b0 = 0;
}

static u8 idt[256 * 16] __attribute__((aligned(16)));
static struct {
    u16 limit;
    u64 base;
} __attribute__((packed)) idtr = {sizeof idt - 1, 0};
static void make_idt(void)
{
    for (unsigned i = 0; i < 256; i++) {
        u64 at = (u64)stubs + 16 * i;
        *(u64 *)(idt + 16 * i) = (at & 0xffff) | 0x8 << 16 | 0xee00ul << 32 | (at >> 16 & 0xffff) << 48;
        *(u64 *)(idt + 16 * i + 8) = at >> 32;
    }
    idtr.base = (u64)idt;
    __asm__ volatile("lidt %0" ::"m"(idtr));
}

#define PASTE2(a, b) a##b
#define PASTE(a, b)  PASTE2(a, b)
#define STRING2(x)   #x
#define STRING(x)    STRING2(x)

/* ---------------------------------------------------------------- pieces of code for a guest
 * Each hypervisor has fresh(), which makes a guest that begins there, and run(), which runs it and prints what became of it. BACK is the
 * instruction that goes back to the hypervisor. */

/* The code between two labels; BACK follows it. */
#define CODE(name, code)                                                                                                       \
    extern const char name[];                                                                                                  \
    __asm__(".pushsection .text.pieces, \"ax\"\n.balign 64\n" STRING(name) ":\n" code "\n" BACK "\n.balign 64\n.popsection\n")
#define ONCE(name, setting, code)                                                                                              \
    do {                                                                                                                       \
        CODE(PASTE(code_, __LINE__), code);                                                                                    \
        fresh(PASTE(code_, __LINE__));                                                                                         \
        setting;                                                                                                               \
        run(name, PASTE(code_, __LINE__));                                                                                     \
    } while (0)
/* With the setting that makes it exit, and without. */
#define BOTH(name, setting, code)                                                                                              \
    do {                                                                                                                       \
        CODE(PASTE(code_, __LINE__), code);                                                                                    \
        fresh(PASTE(code_, __LINE__));                                                                                         \
        setting;                                                                                                               \
        run(name, PASTE(code_, __LINE__));                                                                                     \
        fresh(PASTE(code_, __LINE__));                                                                                         \
        run("  without", PASTE(code_, __LINE__));                                                                              \
    } while (0)
