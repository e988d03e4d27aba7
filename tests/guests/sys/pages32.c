/* pages32.c - 32-bit and PAE paging: faults and their codes, accessed and dirty bits, large pages, reserved bits, coherence
 * (SDM volume 3, chapter 4). */
#include "sys.h"

/* A directory that maps 4 MiB tables' worth of low memory one to one; the test's page is VIRT, mapped to BUF by entry `pte`. */
enum { DIR = TABLES, TABLE = TABLES + 0x1000, TEST = TABLES + 0x2000, PDPT = TABLES + 0x8000, PAE_DIR = TABLES + 0x9000,
       PAE_TABLE = TABLES + 0xa000, VIRT = 0x40000000 };
__asm__(".set VIRT, 0x40000000\n.set DIR, TABLES\n.set TEST, TABLES + 0x2000\n.set PDPT, TABLES + 0x8000\n.set PAE_DIR, TABLES + 0x9000\n"
        ".set PAE_TABLE, TABLES + 0xa000\n");

static u32 *const dir = (u32 *)DIR, *const table = (u32 *)TABLE, *const leaf = (u32 *)TEST;

static void tables32(u32 low)
{
    for (unsigned i = 0; i < 1024; i++) {
        dir[i] = 0;
        table[i] = i << 12 | low;
        leaf[i] = (BUF + (i << 12)) | 7;
    }
    dir[0] = TABLE | 7;
    dir[VIRT >> 22] = TEST | 7;
}

#define PAGING   "mov $DIR, %ecx; mov %ecx, %cr3; mov %cr0, %ecx; or $0x80000000, %ecx; mov %ecx, %cr0; xor %ecx, %ecx; "
#define WP       "mov %cr0, %ecx; or $0x10000, %ecx; mov %ecx, %cr0; "
#define USER     "push $SEL_UDATA; push $BUF + 0x800; push $2; push $SEL_UCODE; push $9f; iret; 9: mov $SEL_UDATA, %edi; mov %edi, %ds; "
#define AD(what) "mov " what ", %eax; and $0x60, %eax"

static void show_pte(const char *what, u32 pte) { print("    %s %x\n", what, (uptr)(pte & 0xfff)); }

static void faults(void)
{
    group("32-bit paging");
    tables32(7);
    T("read", PAGING "mov VIRT, %eax");
    show_pte("entry", leaf[0]);
    T("write", PAGING "mov %eax, VIRT");
    show_pte("entry", leaf[0]);
    show_pte("directory", dir[VIRT >> 22]);
    leaf[0] = BUF;
    T("read of an absent page", PAGING "mov VIRT + 8, %eax");
    T("write of an absent page", PAGING "mov %eax, VIRT + 12");
    T("exchange with an absent page", PAGING "xchg %eax, VIRT");
    T("compare of an absent page", PAGING "cmpl $0, VIRT");
    T("compare-exchange that would fail", PAGING "mov $1, %eax; cmpxchg %ecx, VIRT");
    T("execution of an absent page", PAGING "mov $VIRT, %eax; jmp *%eax");
    T("user read of an absent page", PAGING USER "mov VIRT, %eax");
    T("user write of an absent page", PAGING USER "mov %eax, VIRT");
    T("user execution of an absent page", PAGING USER "mov $VIRT, %eax; jmp *%eax");
    T("read of an absent directory entry", PAGING "mov VIRT + 0x400000, %eax");
    leaf[0] = BUF | 3;
    T("user read of a supervisor page", PAGING USER "mov VIRT, %eax");
    T("user write of a supervisor page", PAGING USER "mov %eax, VIRT");
    T("user execution of a supervisor page", PAGING USER "mov $VIRT, %eax; jmp *%eax");
    leaf[0] = BUF | 5;
    T("user write of a read-only page", PAGING USER "mov %eax, VIRT");
    T("supervisor write of a read-only page, WP clear", PAGING "mov %eax, VIRT");
    show_pte("entry", leaf[0]);
    leaf[0] = BUF | 5;
    T("supervisor write of a read-only page, WP set", PAGING WP "mov %eax, VIRT");
    show_pte("entry", leaf[0]);
    T("WP takes effect at once", PAGING "mov %eax, VIRT; " WP "mov $2, %eax; mov %eax, VIRT");
    T("test by locked add of 0, WP set", PAGING WP "lock addl $0, VIRT");
    T("bit test of a read-only page", PAGING WP "btl $3, VIRT; setc %al");
    T("bit test and set of a read-only page", PAGING WP "btsl $3, VIRT");
    dir[VIRT >> 22] = TEST | 3;
    leaf[0] = BUF | 7;
    T("user read, supervisor directory", PAGING USER "mov VIRT, %eax");
    dir[VIRT >> 22] = TEST | 5;
    T("user write, read-only directory", PAGING USER "mov %eax, VIRT");
    dir[VIRT >> 22] = TEST | 7;
}

static int move_cx(struct frame *f)
{
    f->ax = f->cx; /* shown */
    return 0;
}
static int move_sp(struct frame *f)
{
    f->ax = f->sp;
    return 0;
}

static void crossing(void)
{
    group("accesses across pages");
    tables32(7);
    leaf[1] = 0;
    T("read, second absent", PAGING "mov VIRT + 0xffe, %eax");
    T("write, second absent, leaves the first alone", "movl $0x11111111, BUF + 0xffc;" PAGING "movl $-1, VIRT + 0xffe");
    print("    memory %x\n", (uptr) * (u32 *)(BUF + 0xffc));
    T("push, second absent, is a double fault", PAGING "mov $SEL_DATA, %eax; mov $VIRT + 0x1002, %esp; push %eax");
    hook = move_sp;
    T("user push, second absent, leaves ESP alone", PAGING USER "mov $VIRT + 0x1002, %esp; push %eax");
    T("execution across, second absent", "movw $0xb890, BUF + 0xffe;" PAGING "mov $VIRT + 0xffe, %eax; jmp *%eax");
    T("the same, run before",
      PAGING "movl $BUF + 0x1007, TEST + 4; movb $0xb8, BUF + 0xfff; movl $7, BUF + 0x1000; movb $0xc3, BUF + 0x1004; mov $VIRT + 0xfff, %ecx; call *%ecx; "
             "movl $0, TEST + 4; invlpg VIRT + 0x1000; call *%ecx");
    leaf[1] = (BUF + 0x5000) | 5;
    T("write, second read-only", "movl $0x22222222, BUF + 0xffc;" PAGING WP "movl $-1, VIRT + 0xffe");
    print("    memory %x\n", (uptr) * (u32 *)(BUF + 0xffc));
    leaf[0] = 0;
    T("read, both absent", PAGING "mov VIRT + 0xffe, %eax");
    leaf[0] = BUF | 7, leaf[1] = (BUF + 0x3000) | 7;
    T("read from two frames", "movl $0x12345678, BUF + 0xffc; movl $0x9abcdef0, BUF + 0x3000;" PAGING "mov VIRT + 0xffe, %eax");
    hook = move_cx;
    T("string move stops at the absent page", PAGING "movl $0, TEST + 8; mov $VIRT + 0x1ff0, %edi; mov $BUF + 0x8000, %esi; mov $32, %ecx; "
                                              "rep movsb");
    hook = move_cx;
    T("string store too", PAGING "movl $0, TEST + 8; mov %cr3, %eax; mov %eax, %cr3; mov $VIRT + 0x1ff0, %edi; mov $32, %ecx; rep stosb");
}

static void bits(void)
{
    group("accessed and dirty");
    tables32(7);
    T("read sets A", PAGING "mov VIRT, %ecx; " AD("TEST"));
    tables32(7);
    T("write sets A and D", PAGING "mov %ecx, VIRT; " AD("TEST"));
    tables32(7);
    T("read, then write sets D", PAGING "mov VIRT, %ecx; mov %ecx, VIRT; " AD("TEST"));
    tables32(7);
    T("execution sets A", "movb $0xc3, BUF;" PAGING "mov $VIRT, %ecx; call *%ecx; " AD("TEST"));
    tables32(7);
    leaf[0] = BUF;
    T("a fault sets none", PAGING "mov VIRT, %ecx");
    show_pte("entry", leaf[0]);
    show_pte("directory", dir[VIRT >> 22]);
    tables32(7);
    leaf[0] = BUF | 5;
    T("a refused write sets neither", PAGING WP "mov %ecx, VIRT");
    show_pte("entry", leaf[0]);
    tables32(7);
    T("clearing A and INVLPG", PAGING "mov VIRT, %ecx; andl $~0x20, TEST; invlpg VIRT; mov VIRT, %ecx; " AD("TEST"));
    T("clearing D and INVLPG", PAGING "mov %ecx, VIRT; andl $~0x40, TEST; invlpg VIRT; mov %ecx, VIRT; " AD("TEST"));
    T("a REP of no iterations sets none", PAGING "andl $~0x60, TEST + 12; mov %cr3, %eax; mov %eax, %cr3; mov $VIRT + 0x3000, %edi; "
                                                  "rep stosb; " AD("TEST + 12"));
}

static void large(void)
{
    group("4 MiB pages");
    tables32(7);
    dir[VIRT >> 22] = 0x87;
    T("read by one", "movl $0x77, BUF;" PAGING "mov %cr4, %eax; or $0x10, %al; mov %eax, %cr4; mov VIRT + BUF, %eax");
    show_pte("directory", dir[VIRT >> 22]);
    T("write by one", PAGING "mov %cr4, %eax; or $0x10, %al; mov %eax, %cr4; mov %eax, VIRT + BUF; mov $1, %eax");
    show_pte("directory", dir[VIRT >> 22]);
    dir[VIRT >> 22] = 0x200087;
    T("reserved bit 21", PAGING "mov %cr4, %eax; or $0x10, %al; mov %eax, %cr4; mov VIRT, %eax");
    T("the same, written in ring 3", PAGING "mov %cr4, %eax; or $0x10, %al; mov %eax, %cr4;" USER "mov %eax, VIRT");
    dir[VIRT >> 22] = 0x85;
    T("read-only", PAGING WP "mov %cr4, %eax; or $0x10, %al; mov %eax, %cr4; mov %eax, VIRT + BUF");
    dir[VIRT >> 22] = TEST | 0x87;
    T("PSE clear: bit 7 means nothing", PAGING "mov $5, %eax; mov %eax, VIRT; mov VIRT, %eax");
}

static u64 *const pdpt = (u64 *)PDPT, *const pae_dir = (u64 *)PAE_DIR, *const pae_table = (u64 *)PAE_TABLE;

static void tables_pae(void)
{
    for (unsigned i = 0; i < 512; i++)
        pae_dir[i] = (u64)i << 21 | 0x87, pae_table[i] = (BUF + ((u64)i << 12)) | 7;
    pdpt[0] = PAE_DIR | 1;
    pdpt[1] = (PAE_DIR + 0x2000) | 1;
    pdpt[2] = pdpt[3] = 0;
    ((u64 *)(PAE_DIR + 0x2000))[0] = PAE_TABLE | 7;
    ((u64 *)(PAE_DIR + 0x2000))[1] = 0x87;
}

#define PAE "mov %cr4, %ecx; or $0x20, %cl; mov %ecx, %cr4; mov $PDPT, %ecx; mov %ecx, %cr3; mov %cr0, %ecx; or $0x80000000, %ecx; " \
            "mov %ecx, %cr0; xor %ecx, %ecx; "
#define NX  "mov $0xc0000080, %ecx; rdmsr; or $8, %ah; wrmsr; xor %eax, %eax; xor %edx, %edx; "

static int has_nx(void)
{
    u32 a = 0x80000001, b, c, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d >> 20 & 1;
}

static void no_execute(void)
{
    T("no-execute, read", NX PAE "mov VIRT, %eax; mov $8, %eax");
    T("no-execute, executed", NX PAE "mov $VIRT, %eax; jmp *%eax");
    T("no-execute, executed in ring 3", NX PAE USER "mov $VIRT, %eax; jmp *%eax");
    pae_table[0] = BUF | 7;
    ((u64 *)(PAE_DIR + 0x2000))[0] |= 1ull << 63;
    T("no-execute directory", NX PAE "mov $VIRT, %eax; jmp *%eax");
    wrmsr(0xc0000080, rdmsr(0xc0000080) & ~0x800ull);
}

static void pae(void)
{
    group("PAE paging");
    tables_pae();
    T("read", "movl $0x55, BUF;" PAE "mov VIRT, %eax");
    show_pte("entry", (u32)pae_table[0]);
    T("write to a 2 MiB page", PAE "mov %eax, VIRT + 0x200000 + 0x1000; mov VIRT + 0x201000, %eax; mov $6, %eax");
    show_pte("directory", (u32)((u64 *)(PAE_DIR + 0x2000))[1]);
    T("read of an absent PDPTE", PAE "mov 0x80000000, %eax");
    pae_table[0] |= 1ull << 52;
    T("reserved bit 52", PAE "mov VIRT, %eax");
    pae_table[0] = BUF | 7 | 1ull << 63;
    T("bit 63 with NXE clear", PAE "mov VIRT, %eax");
    if (has_nx())
        no_execute();
    tables_pae();
    ((u64 *)(PAE_DIR + 0x2000))[1] = 0x2087;
    T("reserved bit 13 of a 2 MiB page", PAE "mov VIRT + 0x200000, %eax");
    tables_pae();
    pdpt[1] |= 2;
    T("*reserved bit in a PDPTE when CR3 is loaded", PAE);
    tables_pae();
    T("*PDPTEs are loaded with CR3", PAE "movl $0, PDPT + 8; mov VIRT, %eax; mov %cr3, %eax; mov %eax, %cr3; mov VIRT, %eax");
}

static void coherence(void)
{
    group("translations after INVLPG and CR3");
    tables32(7);
    T("an entry made present", PAGING "movl $0, TEST; invlpg VIRT; movl $BUF + 7, TEST; movl $0x61, BUF; mov VIRT, %eax");
    T("a frame changed, INVLPG", "movl $0x62, BUF; movl $0x63, BUF + 0x1000;" PAGING "mov VIRT, %eax; movl $BUF + 0x1007, TEST; invlpg VIRT; "
                                 "mov VIRT, %eax");
    T("a frame changed, CR3", "movl $BUF + 7, TEST;" PAGING "mov VIRT, %eax; movl $BUF + 0x1007, TEST; mov %cr3, %ecx; mov %ecx, %cr3; "
                              "mov VIRT, %eax");
    T("a frame of code changed, INVLPG",
      "movl $BUF + 7, TEST; movl $0xc301b0, BUF; movl $0xc302b0, BUF + 0x1000;" PAGING
      "mov $VIRT, %ecx; call *%ecx; mov %eax, %edx; movl $BUF + 0x1007, TEST; invlpg VIRT; call *%ecx; shl $8, %edx; or %edx, %eax");
    T("a directory entry changed, INVLPG", "movl $BUF + 7, TEST; movl $0x64, BUF;" PAGING "mov VIRT, %eax; movl $0, DIR + (VIRT >> 20); invlpg VIRT; "
                                           "mov VIRT, %eax");
    tables32(7);
    T("made read-only, INVLPG", PAGING WP "mov %eax, VIRT; andl $~2, TEST; invlpg VIRT; mov %eax, VIRT");
    tables32(7);
    T("paging off and on", PAGING "mov VIRT, %eax; mov %cr0, %ecx; and $0x7fffffff, %ecx; mov %ecx, %cr0; movl $BUF + 0x1007, TEST; "
                           "or $0x80000000, %ecx; mov %ecx, %cr0; mov VIRT, %eax");
    tables32(7);
    T("a global page and PGE switched", "movl $0x62, BUF; movl $0x63, BUF + 0x1000; orl $0x100, TEST; mov %cr4, %eax; or $0x80, %eax; mov %eax, %cr4;" PAGING
                                        "mov VIRT, %eax; movl $BUF + 0x1007, TEST; mov %cr4, %ecx; and $~0x80, %ecx; mov %ecx, %cr4; "
                                        "mov VIRT, %eax");
    tables32(7);
    T("two addresses of one frame", "movl $BUF + 7, TEST + 8;" PAGING "movl $0x4321, VIRT; mov VIRT + 0x2000, %eax");
    T("page tables in pages that they map", PAGING "movl $DIR + 7, TEST; invlpg VIRT; mov VIRT, %eax; and $0xfffff000, %eax; sub $TABLES + 0x1000, %eax");
}

void test_pages(void)
{
    faults();
    crossing();
    bits();
    large();
    pae();
    coherence();
}
