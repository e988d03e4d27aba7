/* code.h - decoded code, and the memory that it is decoded from: what is kept of each page of guest-physical
 * memory. Private to hv/x86. */
#ifndef BOOTREEL_HV_X86_DECODE_CODE_H
#define BOOTREEL_HV_X86_DECODE_CODE_H

#include <string.h>

#include "hv/x86/x86.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct x86;
struct op;
/* A handler. Returns NULL to return to the dispatcher. */
typedef const struct op *op_fn(struct x86 *, const struct op *);

/* ---------------------------------------------------------------- decoded code */

/* One decoded instruction. `dst` and `src` are the register numbers of the first and second operand in the
 * order of the row (for 8-bit general registers, the byte's offset in gpr[]); the one that is a memory
 * operand is unused. Two of them fit into a line of the host's cache. */
struct op {
    op_fn *fn;
    union {
        struct {
            int32_t disp; /* address: displacement (RIP-relative: from the block's start) */
            int32_t imm;  /* immediate, sign-extended */
        };
        /* What needs more bits, in instructions that have neither: near branches: the target's offset from the block's start;
         * MOV of a 64-bit immediate; the address of MOV to and from an absolute one; far pointer: offset | selector << 32 */
        int64_t wide;
    };
    uint8_t dst, src;
    /* address: registers, REG_ZERO if absent, REG_RIP if RIP-relative; REG_4G as index if `disp` is 2 GB or more there */
    uint8_t base, index;
    uint8_t scale;      /* address: shift count */
    uint8_t seg;        /* address: segment; SEG_NONE in 64-bit code unless FS or GS */
    uint16_t off;       /* of the instruction from the block's start */
    uint8_t len;        /* bytes */
    uint8_t idx;        /* its number in the block */
    uint16_t row : 12;  /* in the instruction table, or NO_ROW */
    uint16_t asize : 2; /* address size: 0 16, 1 32, 2 64 bit */
    uint16_t osize : 2; /* operand size: 0 8, 1 16, 2 32, 3 64 bit */
    uint8_t modrm;
    uint8_t pfx;  /* enum op_pfx */
    uint8_t vvvv; /* VEX: its register */
    uint8_t aux;  /* VEX: the register in the immediate, or the vector of indices */
};
_Static_assert(sizeof(struct op) == 32, "compact, and without padding");
enum { NO_ROW = 0xfff };
enum op_pfx {
    PFX_LOCK = 1,
    PFX_REP = 2,
    PFX_REPNE = 4,
    PFX_OSIZE = 8,
    PFX_REX = 16,
    PFX_REXW = 32,
    PFX_MEM = 64,
    PFX_L = 128 /* VEX.L: 256-bit vectors */
};
/* PFX_MEM: the modrm operand is memory. */

/* The offset of the next instruction from the block's start. */
static inline uint32_t op_end(const struct op *op)
{
    return (uint32_t)op->off + op->len;
}

enum { BLOCK_MAX_OPS = 64, CODE_BUCKETS = 128, JUMPS = 16384 };

struct code_page;
struct region;  /* compiled code: jit/jit.h */
struct jump_in; /* … that jumps to the block */
/* The fields that are needed to enter a block come last, to lie in the same lines of the host's cache as its ops. */
struct block {
    struct region *regions; /* that begin in the block */
    struct jump_in *jumps_in;
    op_fn *unnoted; /* see code_new_period(): the first op's handler while op_unnoted is in its place */
    /* the first op's handler, if another one comes before it: count_entry(), a region, op_crosses() */
    op_fn *first;
    struct block *bucket;  /* the page's hash chain */
    struct block *next[2]; /* chained, within the page only: 0 fall-through, 1 taken */
    struct code_page *page;
    /* BLOCK_ID(): offset in the page, and the mode that it was decoded for; BLOCK_SLOW: only for the
     * dispatcher, or dropped */
    uint32_t id;
    uint16_t n; /* number of instructions; ops[n] is the pseudo op that falls through */
    uint16_t bytes;
    uint16_t heat;   /* entries until it is compiled */
    uint16_t splits; /* how often accesses that are checked together lay in two pages */
    bool apart;      /* that was so often: compiled code checks them apart */
    bool goes_on;    /* it ends before a branch: there is a stop, or too many instructions */
    bool crosses;    /* its only instruction continues in another page: see block_crossing() */
    struct op ops[];
};
/* Where an instruction in two pages continues, and with which bytes. */
struct crossing {
    struct code_page *page;
    uint8_t bytes[15];
};
#define BLOCK_ID(key, offset) ((key) | (uint32_t)(offset) << 16)
#define BLOCK_SLOW            0x8000u
/* The bytes of a block of n instructions. */
static inline size_t block_size(unsigned n)
{
    return sizeof(struct block) + (n + 1) * sizeof(struct op);
}
/* Of a block with `crosses`: behind its ops. */
static inline struct crossing *block_crossing(struct block *b)
{
    return (struct crossing *)&b->ops[2];
}
/* 32-bit code and stack; CS, SS, DS and ES allow every address, and add nothing to it. */
#define KEY_FLAT 0x80u
/* 64-bit code, and linear addresses have 57 bits. */
#define KEY_LA57 0x100u
/* In a guest of a hypervisor, which may intercept instructions that are otherwise compiled. */
#define KEY_GUEST 0x200u
/* Where struct x86's `jumps` has the block at a linear address. */
#define JUMP_SLOT(lin)       (((lin) ^ (lin) >> 12) & (JUMPS - 1))
#define BLOCK_BUCKET(offset) (((offset) ^ (offset) >> 7) & (CODE_BUCKETS - 1))

/* The code decoded from one page of memory. */
struct code_page {
    uint8_t *host; /* the page's bytes */
    struct pmeta *meta;
    uint64_t code[SNAPSHOT_PAGE / 64]; /* which bytes were decoded, one bit each */
    uint64_t linear; /* where it was last executed, while there are stops: bit 0 is set; 0 if nowhere */
    struct code_page *all_next;
    struct region *regions;             /* compiled from the page's blocks */
    uint8_t drops;                      /* how often one was dropped again, up to a limit */
    uint64_t stores;                    /* how many were made to the page since it got its code */
    uint64_t patience;                  /* when `stores` reaches this, all its code is dropped */
    uint32_t period;                    /* in which it was last executed: see code_new_period() */
    size_t decoded;                     /* the bytes of the blocks in `bucket` */
    uint64_t filled[CODE_BUCKETS / 64]; /* which buckets may have blocks, one bit each */
    struct block *bucket[CODE_BUCKETS];
};

/* ---------------------------------------------------------------- physical memory (mem.c) */

enum pmeta_flags {
    PM_CHANGED = 1, /* written in the current epoch (physmem_save) */
    PM_EVER = 2,    /* ever written */
    PM_CODE = 4,    /* has decoded code */
    PM_TABLE = 8,   /* holds page-table entries that some TLB has used (table->live > 0) */
    PM_FAST = 16,   /* some TLB may have a direct write entry for it */
    PM_LINES = 32,  /* each write is noted by lines: see touched.c */
    PM_ZERO = 64,   /* is all zero, may take no memory, and does not have PM_CHANGED */
    PM_STALE = 128, /* while a state is loaded: not in it so far */
    PM_SLOW = PM_CODE | PM_TABLE,
};
enum { FAST_SLOTS = 3, FAST_MANY = FAST_SLOTS + 1 };
/* A page of this period: it was not written so far; it is written, but was not in the last period; it was then, and given up; it was
 * noted through the last period. Or it is noted whatever is written, because somebody asked: no processor has written to it so far; one
 * has. */
enum by_lines { BY_LINES_NOT, BY_LINES_FRESH, BY_LINES_TRIED, BY_LINES_KEPT, BY_LINES_ASKED, BY_LINES_MET };
/* What is recorded about one page of a ramblock. */
struct pmeta {
    struct code_page *code;
    struct table_page *table;
    uint32_t epoch; /* the last completed epoch in which it was written, or 0 */
    uint8_t flags;
    uint8_t nfast; /* FAST_MANY: any page */
    uint16_t
        fast[FAST_SLOTS]; /* the linear pages (their low bits) that may have direct write entries for it */
    /* touched.c: whether the lines that are written were noted from the last physmem_touched() on, which, how many bytes were written
     * by how many stores, whether it looked like being filled, whether many stores have written half of it, and whether they had when
     * it was last followed, in how many periods only the first stores are noted, and the number of stores at which it is looked at next.
     * Compiled code knows some of these (jit/note.c). All of it fits into 64 bytes. */
    uint8_t by_lines; /* enum by_lines */
    uint8_t short_for;
    bool filled : 1, busy : 1, was_busy : 1;
    bool absent; /* still to be fetched, from the state that was loaded last */
    uint32_t written;
    uint16_t stores, look_at;
    uint64_t lines;
    uint64_t *
        cells; /* which of the page's cells of 8 bytes were written, one bit each; only while PM_LINES is set */
    uint64_t executed; /* the lines from which instructions were executed since then */
};

/* One page of guest-physical address space. */
struct pdesc {
    uint8_t *rd, *wr; /* host pages, or NULL for the bus */
    struct pmeta *rd_meta, *wr_meta;
    bool ignore_writes;
};

/* The descriptor of the page at pa (after A20). Never NULL: beyond the end it is a page whose accesses all go
 * to the bus. */
const struct pdesc *physmem_page(const struct physmem *, uint64_t pa);
/* All address bits, except bit 20 while the A20 line is off. */
uint64_t physmem_a20_mask(const struct physmem *);
/* Registers a processor to be notified when translations or code must be dropped. */
void physmem_attach(struct physmem *, struct x86 *);
void physmem_detach(struct physmem *, struct x86 *);
/* The attached processors. */
struct x86 *const *physmem_processors(const struct physmem *, unsigned *n);
/* Bytes [off, off+n) of a page of memory are about to change (`page` still holds the old ones): drops code
 * decoded from them and translations read from them, sets the changed marks. */
void physmem_before_write(struct physmem *, struct pmeta *, uint8_t *page, uint32_t off, uint32_t n);
/* Drops only code, where no translation can change: for a walk that sets accessed and dirty bits. */
void physmem_before_mark(struct physmem *, struct pmeta *, uint32_t off, uint32_t n);
/* The page is written: what it holds is part of the next save. */
void physmem_first_change(struct physmem *, struct pmeta *);
static inline void physmem_changes(struct physmem *pm, struct pmeta *m)
{
    if (!(m->flags & PM_CHANGED))
        physmem_first_change(pm, m);
}
/* The record of a page of page-table entries, created if there is none. It lives as long as the memory. */
struct table_page *table_page_get(struct physmem *, struct pmeta *);

/* Bits [off, off+n) of word i of a page's byte map. */
static inline uint64_t code_bits(uint32_t off, uint32_t n, unsigned i)
{
    uint32_t from = off > i * 64 ? off - i * 64 : 0, to = off + n - i * 64 < 64 ? off + n - i * 64 : 64;
    return (to == 64 ? UINT64_MAX : (1ull << to) - 1) & ~((1ull << from) - 1);
}
/* Was one of the bytes [off, off+n) decoded? */
static inline bool code_marked(const struct code_page *p, uint32_t off, uint32_t n)
{
    for (unsigned i = off / 64; i <= (off + n - 1) / 64; i++)
        if (p->code[i] & code_bits(off, n, i))
            return true;
    return false;
}
/* Would writing the bytes drop decoded code or translations? */
static inline bool page_guards(const struct pmeta *m, uint32_t off, uint32_t n)
{
    return m->flags & PM_TABLE || (m->flags & PM_CODE && code_marked(m->code, off, n));
}

/* ---- odd.c ---- */

enum odd_sort { ODD_ZEROS, ODD_STACK, ODD_CODE, ODD_SORTS };
enum { ODD_MOST = 16, ZEROS_LEAST = 16, OWN_CODE = 16 };
/* The pages for which an event of a sort was reported since the reset. */
struct odd_told {
    uint64_t page[ODD_MOST];
    uint8_t count;
};
/* The handlers of an instruction whose bytes are zeros (ADD): they execute it, and notice zeros that run as
 * code. */
const struct op *op_zeros(struct x86 *, const struct op *);
const struct op *op_zeros64(struct x86 *, const struct op *);
/* Something was pushed at this linear address, and is lost. */
void odd_stack(struct x86 *, uint64_t lin);
/* An instruction changes bytes of a page with code. */
void odd_code(struct x86 *, const struct pmeta *, uint32_t off, unsigned size);

/* ---- touched.c ---- */

struct touch_log;
struct touch_log *touch_log_create(void);
void touch_log_destroy(struct touch_log *);
struct touch_log *physmem_touch_log(const struct physmem *);
/* Whether anybody wants to know. */
bool touch_noting(const struct physmem *);
/* Whether writes to some page may be noted by lines. */
bool touch_by_lines(const struct touch_log *);
/* The page of `linear` at `physical` is translated for a write. */
void touch_write(struct physmem *, uint64_t linear, uint64_t physical);
/* Some page of physical memory is another from now on. */
void touch_remapped(struct touch_log *);
/* The page of `linear` at `physical` is executed; `m` is its memory. With NULL all its lines count, because
 * touch_code() will not be called for it. */
void touch_fetch(struct physmem *, uint64_t linear, uint64_t physical, struct pmeta *m);
/* What is in bytes [off, off+n) of a page is about to be executed. */
void touch_code(struct physmem *, struct pmeta *, uint32_t off, uint32_t n);
/* What was written to a page is looked at after so many stores, a power of two, and again after twice as many each time: what looks
 * like being filled both times is given up, unless the last period has shown that it is worth it. Most pages that were not written in
 * the last period are being filled. */
enum { LINES_LOOK_FIRST = 3, LINES_LOOK = 6 };
/* Whether noting the lines of a page that is written is no longer worth it: nearly all of it was written, or it looks like being
 * filled from one end to the other. */
bool touch_filled(uint32_t written, uint64_t lines);
/* Whether such a page is to be noted on; if not, it counts as written all over, and its writes are direct again. */
void touch_look(struct pmeta *);
/* Bytes [off, off+n) of a page whose lines are noted are written, by `stores` adjacent stores of equal size. There must be no more of them
 * than remain until the page is looked at. */
static inline void touch_stores(struct pmeta *m, uint32_t off, uint32_t n, uint32_t stores)
{
    m->lines |= touched_lines(off, n);
    for (uint32_t cell = off / TOUCHED_CELL; cell <= (off + n - 1) / TOUCHED_CELL; cell++)
        m->cells[cell / 64] |= 1ull << cell % 64;
    m->written += n;
    m->stores += (uint16_t)stores;
    if (unlikely(m->stores >= m->look_at))
        touch_look(m);
}
/* Bytes [off, off+n) of a page are written. */
static inline void touch_lines(struct pmeta *m, uint32_t off, uint32_t n)
{
    if (unlikely(m->flags & PM_LINES))
        touch_stores(m, off, n, 1);
}

/* ---- accesses.c ---- */

struct access_log;
struct access_log *access_log_create(void);
void access_log_destroy(struct access_log *);
struct access_log *physmem_access_log(const struct physmem *);
/* Whether anybody wants to know. */
bool access_noting(const struct physmem *);
/* Which accesses to the page need not be noted any more, and so may be direct. */
enum access_free { ACCESS_NOT_FREE, ACCESS_READS_FREE, ACCESS_WRITES_FREE /* and reads */ };
/* n bytes at `linear`, which is at `physical`, are read or written; those behind the end of the page are not meant. To be called for
 * each access that the TLB does not serve, before it is made. */
enum access_free access_note(struct physmem *, uint64_t linear, uint64_t physical, unsigned n, bool write);

/* ---- lacking.c ---- */

enum { LACKING_MOST = 64 };
/* The instructions of features that the model lacks that were reported since the reset: offset in the code
 * segment, first bytes. */
struct lacking {
    uint64_t at[LACKING_MOST], bytes[LACKING_MOST];
    uint8_t count;
};
enum { PLAIN_BYTES = 15, PLAIN_MOST = 8 };
/* Bytes that were lately found to be no instruction of any model: a guest that runs wild meets the same ones
 * millions of times. Not state. */
struct plain_undefined {
    struct {
        uint8_t bytes[PLAIN_BYTES], bits; /* bits: of the code segment; 0: free */
    } met[PLAIN_MOST];
    unsigned next;
};
/* `op` is undefined in this model: reports it if it is an instruction of another. */
void lacking_tell(struct x86 *, const struct op *);
enum { LACKING_NAME = 40 };
struct lacking_name {
    char mnemonic[LACKING_NAME],
        feature[LACKING_NAME]; /* as the manuals spell it: "AVX512F", "AVX512BW and AVX512VL" */
};
/* The name of an instruction that no model has, in code of `bits`: as capstone knows it, and as the table
 * others.def has it (named.c). False if there is none; `name` is then as it was, or empty. */
bool lacking_other(unsigned bits, const uint8_t bytes[PLAIN_BYTES], struct lacking_name *);
bool lacking_named(unsigned bits, const uint8_t bytes[PLAIN_BYTES], struct lacking_name *);
void lacking_save(struct x86 *, const struct snapshot_sink *);
void lacking_load(struct x86 *, const struct snapshot_source *);

/* The cache of decoded code (code_cache.c): one for all processors of a memory. NULL: no memory for it. */
struct code_cache *code_cache_create(const struct engine_host *host); /* NULL: as usual */
/* The table of `jumps` in struct x86, of JUMPS blocks. All processors share it: they mostly run the same kernel, and what one has found is
 * in the host's caches for the next. */
struct block **code_jumps(struct code_cache *);
void code_cache_destroy(struct physmem *);
struct code_cache *physmem_code(const struct physmem *);
/* The compiler of the memory's code; NULL if there is none. */
struct jit *physmem_jit(const struct physmem *);
/* The decoded code of a page of memory, created if there is none. Direct writes to the page end. */
struct code_page *code_page_get(struct physmem *, struct pmeta *, uint8_t *host);
/* Marks bytes [off, off+n) of the page as decoded. */
void code_mark(struct code_page *, uint32_t off, uint32_t n);
/* Allocates a block of so many bytes, a multiple of 8. NULL if the code cache is full: the caller then calls code_flush(),
 * with no block running. */
struct block *code_alloc(struct physmem *, size_t);
void code_flush(struct physmem *);
/* A period of physmem_touched() begins, between runs. Flushes the TLBs: so each page is fetched again, and until its blocks are executed
 * again and noted, they have op_unnoted as their first handler, and their own in `unnoted`. */
void code_new_period(struct physmem *);
/* The handler of an op, which may be held back in `unnoted`. */
static inline op_fn **block_handler(struct block *b, unsigned op)
{
    return op == 0 && b->unnoted ? &b->unnoted : &b->ops[op].fn;
}
/* Drop every block of the page. A running block ends after its current instruction. */
void code_drop(struct physmem *, struct code_page *);
/* Drop every block of the page, and the page from every processor's instruction TLB. */
void code_drop_everywhere(struct physmem *, struct code_page *);
/* To be called before a store to a page with decoded code. After many, the code is dropped, and the page is
 * an ordinary one until it is executed again: memory that once held code is often used for something else. */
void code_stored(struct physmem *, struct code_page *);
/* Drops only the blocks decoded from bytes [off, off+n), since data is often close to code. */
void code_written(struct physmem *, struct code_page *, uint32_t off, uint32_t n);

#endif
