# A module asks a device that is not there, and waits for a completion that its interrupt would give.
build() {
    module mboxdrv <<'S'
init_module: subq $8, %rsp
        movq $done, %rdi
        movq $wait_name, %rsi
        movq $key, %rdx
        movl $0, (%rdi)
        leaq 8(%rdi), %rdi
        call __init_swait_queue_head
        call mbox_send
        xorl %eax, %eax
        addq $8, %rsp
        ret
mbox_send: movq $done, %rdi
        call wait_for_completion
        ret
        .data
wait_name: .asciz "mbox done"
        .balign 8
key:    .quad 0
        .balign 8
done:   .fill 64, 1, 0
S
    initramfs i.gz 'cp ../mboxdrv.ko .' <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "starting devices"
insmod /mboxdrv.ko
echo "devices are started"
exec sh
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --append "console=ttyS0 quiet" --until 30s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 quiet")
