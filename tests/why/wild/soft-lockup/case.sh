# A module's init function waits for a bit of its own memory that nobody sets, without ever giving the processor away.
build() {
    module fwload <<'S'
init_module: subq $8, %rsp
        call wait_ready
        xorl %eax, %eax
        addq $8, %rsp
        ret
wait_ready: pause
        testl $1, status
        jz wait_ready
        ret
        .data
        .balign 4
status: .long 0
S
    initramfs i.gz 'cp ../fwload.ko .' <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "loading the firmware loader"
insmod /fwload.ko
exec sh
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --append "console=ttyS0 quiet" --until 8s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 quiet")
