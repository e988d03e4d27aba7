# A module's init function takes its mutex twice. insmod sleeps for ever, and the kernel says so after ten seconds.
build() {
    local frame offset
    frame=$(echo "$GUESTS"/root/lib/modules/*/kernel/crypto/crc32c_generic.ko)
    objcopy -O binary --only-section=.gnu.linkonce.this_module "$frame" frame
    offset=$((16#$(readelf -rW "$frame" | sed -n '/this_module/,/^$/s/^\([0-9a-f]*\) .*init_module.*/\1/p' | head -n 1)))
    {
        printf '.section .modinfo, "a"\n.asciz "license=GPL"\n.asciz "vermagic=%s"\n.asciz "name=dvbcore"\n' "$(modinfo -F vermagic "$frame")"
        printf '.section .gnu.linkonce.this_module, "aw"\n.fill 24, 1, 0\n.asciz "dvbcore"\n.org %s\n.quad init_module\n.org %s\n' "$offset" "$(stat -c %s frame)"
        cat <<'S'
        .text
        .globl init_module
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
    } >m.S
    as -o dvbcore.ko m.S && initramfs i.gz 'cp ../dvbcore.ko .' <<'I'
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
