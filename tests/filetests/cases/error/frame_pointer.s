# The frame pointer is read-only.
# run: host checked !kernel

        .globl  main
main:   r10 += 8
        r0 = 0
        exit

#= error: function 'main' is not valid at main+0x0 (.text+0x0, frame_pointer.s:5) in frame_pointer.s: slot 0: r10 is written; the frame pointer is read-only
