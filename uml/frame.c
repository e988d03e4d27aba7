/* frame.c - signal frames as the kernel lays them out: struct rt_sigframe, ucontext and sigcontext of
 * arch/x86/include/uapi/asm/sigcontext.h. On a processor with AVX the floating-point state is XSAVE's area, between the kernel's marks. */
#include "uml/frame.h"
#include "uml/memory.h"
#include "uml/tasks.h"

enum {
    CS_USER = 0x33,
    SS_USER = 0x2b,
    RED_ZONE = 128,
    UC_FP_XSTATE = 1,
    UC_SIGCONTEXT_SS = 2,
    UC_STRICT_RESTORE_SS = 4
};
enum { FLAGS_FIXED = 0x254dd5, FLAG_TF = 0x100, FLAG_DF = 0x400 };

struct sigcontext_frame {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
    uint16_t cs, gs, fs, ss;
    uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
struct rt_frame {
    uint64_t pretcode;
    uint64_t uc_flags, uc_link, alt_sp;
    int32_t alt_flags, alt_pad;
    uint64_t alt_size;
    struct sigcontext_frame mc;
    uint64_t mask;
    struct info info;
};
_Static_assert(sizeof(struct sigcontext_frame) == 256 && sizeof(struct info) == 128, "the kernel's layout");

/* The registers in the order of the frame, as numbers in x86_user.gpr. */
static const uint8_t order[] = {8, 9, 10, 11, 12, 13, 14, 15, 7, 6, 5, 3, 2, 0, 1, 4};

static bool on_alt(const struct task *t, uint64_t sp)
{
    return t->alt_size && sp > t->alt_base && sp - t->alt_base <= t->alt_size;
}

static void save(const struct task *t, struct sigcontext_frame *mc)
{
    uint64_t *to = &mc->r8;
    for (unsigned i = 0; i < sizeof order; i++)
        to[i] = t->u.gpr[order[i]];
    mc->ip = t->u.rip;
    mc->flags = t->u.rflags;
    mc->cs = t->u.cs;
    mc->ss = t->u.ss;
    mc->err = t->trap_error;
    mc->trapno = t->trap_number;
    mc->cr2 = t->trap_address;
}

/* ---------------------------------------------------------------- x87, SSE and AVX state */

enum { MAGIC1 = 0x46505853, MAGIC2 = 0x46505845, FX_SOFTWARE = 464, XSAVE_HEADER = 512, XSAVE_YMM = 576 };
enum { XSAVE_SIZE = XSAVE_YMM + X86_YMM_SIZE, AREA_SIZE = XSAVE_SIZE + 4, ALL_PARTS = 7, YMM_PART = 4 };
/* struct _fpx_sw_bytes, at FX_SOFTWARE */
struct software {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t size, padding[7];
};
_Static_assert(sizeof(struct software) == 48, "the kernel's layout");

static unsigned area_size(const struct host *h)
{
    return x86_user_has_ymm(h->cpu) ? AREA_SIZE : X86_FX_SIZE;
}

static void area_get(const struct host *h, uint8_t area[AREA_SIZE])
{
    const struct software software = {MAGIC1, AREA_SIZE, ALL_PARTS, XSAVE_SIZE, {0}};
    const uint32_t magic2 = MAGIC2;
    memset(area, 0, AREA_SIZE);
    x86_user_fx_get(h->cpu, area);
    if (!x86_user_has_ymm(h->cpu))
        return;
    memcpy(area + FX_SOFTWARE, &software, sizeof software);
    area[XSAVE_HEADER] = ALL_PARTS;
    x86_user_ymm_get(h->cpu, area + XSAVE_YMM);
    memcpy(area + XSAVE_SIZE, &magic2, sizeof magic2);
}

/* Without the marks it is FXSAVE's area, and the upper halves become 0. False: MXCSR is not valid. */
static bool area_set(struct host *h, struct task *t, uint64_t from, const uint8_t fx[X86_FX_SIZE])
{
    uint8_t rest[AREA_SIZE - X86_FX_SIZE], *ymm = rest + XSAVE_YMM - X86_FX_SIZE;
    struct software software;
    uint32_t magic2;
    memcpy(&software, fx + FX_SOFTWARE, sizeof software);
    bool extended = x86_user_has_ymm(h->cpu) && software.magic1 == MAGIC1 &&
                    software.extended_size == AREA_SIZE && software.size == XSAVE_SIZE &&
                    !get_user(h, t, from + X86_FX_SIZE, rest, sizeof rest);
    if (extended)
        memcpy(&magic2, rest + sizeof rest - sizeof magic2, sizeof magic2);
    if (!extended || magic2 != MAGIC2 || !(software.features & rest[0] & YMM_PART))
        memset(ymm, 0, X86_YMM_SIZE);
    x86_user_ymm_set(h->cpu, ymm);
    return x86_user_fx_set(h->cpu, fx);
}

static uint64_t stack_for(const struct task *t, const struct action *a)
{
    uint64_t sp = t->u.gpr[4] - RED_ZONE;
    bool alt = a->flags & ACTION_ONSTACK && t->alt_size && !on_alt(t, t->u.gpr[4]);
    return alt ? t->alt_base + t->alt_size : sp;
}

int frame_push(struct host *h, struct task *t, const struct action *a, const struct info *info, uint64_t mask)
{
    uint8_t fx[AREA_SIZE];
    struct rt_frame f = {.pretcode = a->restorer,
                         .uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS |
                                     (x86_user_has_ymm(h->cpu) ? UC_FP_XSTATE : 0),
                         .alt_sp = t->alt_base,
                         .alt_flags = (int32_t)(!t->alt_size             ? 2
                                                : on_alt(t, t->u.gpr[4]) ? 1
                                                                         : 0),
                         .alt_size = t->alt_size,
                         .mask = mask,
                         .info = *info};
    if (!(a->flags & ACTION_RESTORER))
        return -EFAULT;
    uint64_t area = (stack_for(t, a) - area_size(h)) & ~63ull;
    uint64_t sp = ((area - sizeof f) & ~15ull) - 8;
    if (on_alt(t, t->u.gpr[4]) && !on_alt(t, sp))
        return -EFAULT; /* it would overflow the alternate stack */
    save(t, &f.mc);
    f.mc.oldmask = mask;
    f.mc.fpstate = area;
    area_get(h, fx);
    if (put_user(h, t, area, fx, area_size(h)) || put_user(h, t, sp, &f, sizeof f))
        return -EFAULT;
    t->u.gpr[7] = (uint32_t)info->signo;
    t->u.gpr[6] = sp + offsetof(struct rt_frame, info);
    t->u.gpr[2] = sp + offsetof(struct rt_frame, uc_flags);
    t->u.gpr[0] = 0;
    t->u.gpr[4] = sp;
    t->u.rip = a->handler;
    t->u.rflags &= ~(uint64_t)(FLAG_TF | FLAG_DF);
    t->u.cs = CS_USER;
    t->u.ss = SS_USER;
    t->number = -1;
    return 0;
}

static int bad_frame(struct host *h, struct task *t)
{
    signal_kernel(h, t, SIGSEGV);
    return 0;
}

int64_t call_rt_sigreturn(struct host *h, struct task *t, const uint64_t *a)
{
    uint8_t fx[X86_FX_SIZE];
    struct rt_frame f;
    uint64_t sp = t->u.gpr[4] - 8;
    if (get_user(h, t, sp, &f, sizeof f) || (f.mc.fpstate && get_user(h, t, f.mc.fpstate, fx, sizeof fx)))
        return bad_frame(h, t);
    const uint64_t *from = &f.mc.r8;
    for (unsigned i = 0; i < sizeof order; i++)
        t->u.gpr[order[i]] = from[i];
    t->u.rip = f.mc.ip;
    t->u.rflags = (t->u.rflags & ~(uint64_t)FLAGS_FIXED) | (f.mc.flags & FLAGS_FIXED);
    t->u.cs = CS_USER;
    t->u.ss = SS_USER;
    t->mask = f.mask & ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1));
    t->number = -1;
    if (f.mc.fpstate && !area_set(h, t, f.mc.fpstate, fx))
        return bad_frame(h, t);
    if (!on_alt(t, t->u.gpr[4])) {
        t->alt_base = f.alt_sp;
        t->alt_size = f.alt_flags & 2 ? 0 : f.alt_size;
    }
    return (int64_t)t->u.gpr[0];
}

int64_t call_sigaltstack(struct host *h, struct task *t, const uint64_t *a)
{
    struct {
        uint64_t sp;
        int32_t flags, pad;
        uint64_t size;
    } s, old = {t->alt_base, !t->alt_size ? 2 : on_alt(t, t->u.gpr[4]) ? 1 : 0, 0, t->alt_size};
    if (a[0]) {
        if (get_user(h, t, a[0], &s, sizeof s))
            return -EFAULT;
        if (on_alt(t, t->u.gpr[4]))
            return -EPERM;
        if (s.flags & ~2 && s.flags != 1)
            return -EINVAL;
        if (!(s.flags & 2) && s.size < 2048)
            return -ENOMEM;
        t->alt_base = s.flags & 2 ? 0 : s.sp;
        t->alt_size = s.flags & 2 ? 0 : s.size;
    }
    return a[1] && put_user(h, t, a[1], &old, sizeof old) ? -EFAULT : 0;
}
