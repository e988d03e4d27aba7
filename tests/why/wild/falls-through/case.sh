# The end of a task switch has no return: execution falls into the next function (cpuid), which changes EAX, EBX, ECX and EDX.
build() {
    kernel32 k.elf <<'S'
main:   say "tasks: switching"
        movl $task, %ebx
        call do_switch
        call *8(%ebx)
        say "tasks: back"
        power_off
1:      hlt
        jmp 1b
do_switch: pushfl
        pushal
        popal
        popfl
cpu_name: xorl %eax, %eax
        cpuid
        movl %ebx, name
        ret
show:   say "task runs"
        ret
        .data
        .balign 8
task:   .long 1, 0, show
name:   .long 0
S
}
BR=(--kernel k.elf --until 100M)
QE=(-kernel k.elf)
