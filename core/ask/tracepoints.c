/* tracepoints.c - Linux's tracepoints by functions that are called where they are, since a recorded boot has them switched off. The fields
 * are computed from the function's arguments, by the kernel's types. Sources: Linux 6.1, include/trace/events/, and the callers of trace_…()
 * in kernel/sched/core.c, fs/exec.c, kernel/exit.c, kernel/module/main.c, init/main.c, block/blk-mq.c, kernel/irq/handle.c,
 * arch/x86/entry/common.c, arch/x86/mm/fault.c, arch/x86/kernel/{apic/apic.c,smp.c,irq.c}, kernel/kthread.c, kernel/time/timer.c, mm/slub.c;
 * arch/x86/include/asm/irq_vectors.h, include/linux/syscalls.h. */
#include "core/ask/private/attach.h"

#define TASK(n, member) "((struct task_struct *)arg" #n ")->" member
#define DEVICE(n)                                                                                            \
    "(((struct request *)arg" #n ")->q->disk->major << 20) | ((struct request *)arg" #n                      \
    ")->q->disk->first_minor"

static const char *const switched[] = {
    "prev_comm=" TASK(0, "comm"), "prev_pid=" TASK(0, "pid"),
    "prev_prio=" TASK(0, "prio"), "prev_state=" TASK(0, "__state") " & 0xff",
    "next_comm=" TASK(1, "comm"), "next_pid=" TASK(1, "pid"),
    "next_prio=" TASK(1, "prio"), NULL};
static const char *const woken[] = {"comm=" TASK(0, "comm"), "pid=" TASK(0, "pid"), "prio=" TASK(0, "prio"),
                                    NULL};
static const char *const woken_second[] = {"comm=" TASK(1, "comm"), "pid=" TASK(1, "pid"),
                                           "prio=" TASK(1, "prio"), NULL};
static const char *const forked[] = {"parent_comm=comm", "parent_pid=tid", "child_comm=" TASK(0, "comm"),
                                     "child_pid=" TASK(0, "pid"), NULL};
static const char *const new_task[] = {"pid=" TASK(0, "pid"), "comm=" TASK(0, "comm"), NULL};
static const char *const executed[] = {"filename=((struct linux_binprm *)arg0)->filename", "pid=tid",
                                       "old_pid=tid", NULL};
static const char *const exited[] = {"comm=comm", "pid=tid", "prio=((struct task_struct *)curtask)->prio",
                                     NULL};
static const char *const module_loaded[] = {"name=((struct module *)arg0)->name", NULL};
static const char *const started[] = {"func=arg0", NULL};
static const char *const finished[] = {"func=arg0", "ret=(int32)retval", NULL};
static const char *const issued[] = {"dev=" DEVICE(0),
                                     "sector=((struct request *)arg0)->__sector",
                                     "nr_sector=((struct request *)arg0)->__data_len >> 9",
                                     "bytes=((struct request *)arg0)->__data_len",
                                     "comm=comm",
                                     NULL};
static const char *const completed[] = {"dev=" DEVICE(0), "sector=((struct request *)arg0)->__sector",
                                        "nr_sector=(uint32)arg2 >> 9", NULL};
static const char *const interrupted[] = {"irq=((struct irq_desc *)arg0)->irq_data.irq",
                                          "name=((struct irq_desc *)arg0)->action->name", NULL};
static const char *const entered_raw[] = {"id=(int32)arg1", NULL};
static const char *const left_raw[] = {"id=((struct pt_regs *)arg0)->orig_ax",
                                       "ret=(int64)((struct pt_regs *)arg0)->ax", NULL};
static const char *const left[] = {"ret=(int64)retval", NULL};
static const char *const signalled[] = {"sig=(int32)arg0", "pid=" TASK(2, "pid"), "comm=" TASK(2, "comm"),
                                        NULL};

static const char *const dropped[] = {"skbaddr=arg0", "protocol=((struct sk_buff *)arg0)->protocol",
                                      "reason=(uint32)arg1", NULL};

/* Before anything else runs, the processor's CR2 still has the address. */
static const char *const faulted[] = {"address=reg(\"cr2\")", "ip=((struct pt_regs *)arg0)->ip",
                                      "error_code=arg1", NULL};
#define USER "((struct pt_regs *)arg0)->cs & 3"

static const char *const handled[] = {"irq=((struct irq_desc *)arg0)->irq_data.irq", "ret=(int32)retval",
                                      NULL};
static const char *const raised[] = {"vec=(uint32)arg0", NULL};
static const char *const migrated[] = {"comm=" TASK(0, "comm"), "pid=" TASK(0, "pid"),
                                       "prio=" TASK(0, "prio"), "orig_cpu=" TASK(0, "thread_info.cpu"),
                                       "dest_cpu=(int32)arg1",  NULL};
static const char *const renamed[] = {"pid=" TASK(0, "pid"), "oldcomm=" TASK(0, "comm"),
                                      "newcomm=str(arg1, 16)",
                                      "oom_score_adj=" TASK(0, "signal->oom_score_adj"), NULL};
static const char *const expires[] = {"timer=arg0", "function=arg1", "now=*kaddr(\"jiffies_64\")",
                                      "baseclk=arg2", NULL};
static const char *const expired[] = {"timer=arg0", NULL};
/* The return address is what the tracepoint calls the call site. */
static const char *const freed[] = {"call_site=*(uint64 *)reg(\"sp\")", "ptr=arg0", NULL};

/* Vectors of Linux's own interrupts. */
#define VECTOR(n)                                                                                            \
    {                                                                                                        \
        "vector=" n, NULL                                                                                    \
    }
static const char *const local_timer[] = VECTOR("0xec"), *const reschedule[] = VECTOR("0xfd"),
                         *const call_function[] = VECTOR("0xfc"), *const call_single[] = VECTOR("0xfb"),
                         *const irq_work[] = VECTOR("0xf6"), *const spurious[] = VECTOR("0xff"),
                         *const error[] = VECTOR("0xfe");
#define VECTORS(name, function, fields)                                                                      \
    {"irq_vectors", name "_entry", function, false, fields, false, NULL},                                    \
    {                                                                                                        \
        "irq_vectors", name "_exit", function, true, fields, false, NULL                                     \
    }

static const struct ask_tracepoint_row rows[] = {
    {"syscalls", "sys_enter_*", "__x64_sys_*", false, NULL, true, NULL},
    {"syscalls", "sys_exit_*", "__x64_sys_*", true, left, false, NULL},
    {"raw_syscalls", "sys_enter", "do_syscall_64", false, entered_raw, true, NULL},
    {"raw_syscalls", "sys_exit", "syscall_exit_to_user_mode", false, left_raw, false, NULL},
    {"sched", "sched_switch", "__switch_to", false, switched, false, NULL},
    {"sched", "sched_wakeup", "ttwu_do_wakeup", false, woken_second, false, NULL},
    {"sched", "sched_wakeup_new", "wake_up_new_task", false, woken, false, NULL},
    {"sched", "sched_waking", "try_to_wake_up", false, woken, false, TASK(0, "__state") " & (uint32)arg1"},
    {"sched", "sched_process_fork", "wake_up_new_task", false, forked, false, NULL},
    {"sched", "sched_process_exec", "security_bprm_committed_creds", false, executed, false, NULL},
    {"sched", "sched_process_exit", "do_exit", false, exited, false, NULL},
    {"task", "task_newtask", "wake_up_new_task", false, new_task, false, NULL},
    {"module", "module_load", "do_init_module", false, module_loaded, false, NULL},
    {"module", "module_free", "free_module", false, module_loaded, false, NULL},
    {"initcall", "initcall_start", "do_one_initcall", false, started, false, NULL},
    {"initcall", "initcall_finish", "do_one_initcall", true, finished, false, NULL},
    {"block", "block_rq_issue", "blk_mq_start_request", false, issued, false, NULL},
    {"block", "block_rq_complete", "blk_update_request", false, completed, false, NULL},
    {"irq", "irq_handler_entry", "__handle_irq_event_percpu", false, interrupted, false, NULL},
    {"skb", "kfree_skb", "kfree_skb_reason", false, dropped, false, NULL},
    {"signal", "signal_generate", "__send_signal_locked", false, signalled, false, NULL},
    {"sched", "sched_migrate_task", "set_task_cpu", false, migrated, false, NULL},
    {"sched", "sched_kthread_stop", "kthread_stop", false, woken, false, NULL},
    {"task", "task_rename", "__set_task_comm", false, renamed, false, NULL},
    {"exceptions", "page_fault_user", "exc_page_fault", false, faulted, false, USER},
    {"exceptions", "page_fault_kernel", "exc_page_fault", false, faulted, false, "!(" USER ")"},
    {"irq", "irq_handler_exit", "__handle_irq_event_percpu", true, handled, false, NULL},
    {"irq", "softirq_raise", "__raise_softirq_irqoff", false, raised, false, NULL},
    {"timer", "timer_expire_entry", "call_timer_fn", false, expires, false, NULL},
    {"timer", "timer_expire_exit", "call_timer_fn", true, expired, false, NULL},
    {"kmem", "kfree", "kfree", false, freed, false, NULL},
    VECTORS("local_timer", "sysvec_apic_timer_interrupt", local_timer),
    VECTORS("reschedule", "sysvec_reschedule_ipi", reschedule),
    VECTORS("call_function", "sysvec_call_function", call_function),
    VECTORS("call_function_single", "sysvec_call_function_single", call_single),
    VECTORS("irq_work", "sysvec_irq_work", irq_work),
    VECTORS("spurious_apic", "sysvec_spurious_apic_interrupt", spurious),
    VECTORS("error_apic", "sysvec_error_interrupt", error),
};

const struct ask_tracepoint_row *ask_tracepoint(size_t i)
{
    return i < sizeof rows / sizeof rows[0] ? &rows[i] : NULL;
}
