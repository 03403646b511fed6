# A map of a size that cannot be.
# run: host checked

        .map    m, type=array, key=8, value=4, max_entries=1

        .globl  main
main:   r1 = m ll
        r0 = 0
        exit

#= error: cannot make a map: map 'm': key_size is 8, expected 4: the key of an array is a 32-bit index
