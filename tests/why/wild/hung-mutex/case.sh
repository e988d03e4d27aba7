# A module's init function takes its mutex twice. insmod sleeps for ever, and the kernel says so after ten seconds.
build() {
    module dvbcore <<'S'
init_module: movq $register_mutex, %rdi
        movq $name, %rsi
        movq $name, %rdx
        call __mutex_init
        movq $register_mutex, %rdi
        call mutex_lock
        call register_device
        movq $register_mutex, %rdi
        call mutex_unlock
        xorl %eax, %eax
        ret
register_device: movq $register_mutex, %rdi
        call mutex_lock
        xorl %eax, %eax
        ret
        .data
name:   .asciz "register_mutex"
        .balign 8
register_mutex: .fill 64, 1, 0
S
    initramfs i.gz 'cp ../dvbcore.ko .' <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "loading drivers"
insmod /dvbcore.ko
echo "drivers are loaded"
exec sh
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --append "console=ttyS0 sysctl.kernel.hung_task_timeout_secs=10" --until 60s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 sysctl.kernel.hung_task_timeout_secs=10")
