# An assertion fails in the function that switches to a process's tables. What handles the crash calls that function, too.
build() {
    cat >main.c <<'C'
#include "kernel.h"
struct process { const char *name; u64 cr3; };
static struct process init = {"SystemServer", 0x83eca000};
static struct process *current;
#define VERIFY(x) do { if (!(x)) { puts("ASSERTION FAILED: " #x "\n"); __asm__ volatile("ud2"); } } while (0)
__attribute__((noinline)) void enter_process_paging_scope(struct process *p)
{
    VERIFY(p->cr3 < 0x80000000u);
    u32 cr3 = (u32)p->cr3;
    __asm__ volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
}
void handle_crash(u32 ip)
{
    volatile char name[256];
    name[0] = (char)ip;
    enter_process_paging_scope(current);
    puts("CRASH: dumping ");
    puts(current->name);
    halt();
}
void kmain(void)
{
    puts("execve: SystemServer\n");
    current = &init;
    enter_process_paging_scope(current);
    puts("execve: done\n");
    power_off();
    halt();
}
C
    kernel32 k.elf main.c <<'S'
main:   movl $stack_top, %esp
        gate 6, crash
        lidt idtr
        movl $table + 4, %edi
        movl $0x1003, %eax
1:      stosl
        addl $4096, %eax
        cmpl $table + 4096, %edi
        jne 1b
        movl $table + 3, directory
        movl $directory, %eax
        movl %eax, %cr3
        movl $stack, %eax
        shrl $12, %eax
        movl $0, table(,%eax,4)
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        call kmain
crash:  pushal
        pushl 32(%esp)
        call handle_crash
        popl %eax
        popal
        iret
        .bss
        .balign 4096
directory: .fill 4096, 1, 0
table:  .fill 4096, 1, 0
stack:  .fill 16384, 1, 0
stack_top:
S
}
BR=(--kernel k.elf --until 1s)
QE=(-kernel k.elf)
