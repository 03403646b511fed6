# A map that user space does not have.
# run: host checked

        .map    m, type=sockmap, key=4, value=4, max_entries=1

        .globl  main
main:   r1 = m ll
        r0 = 0
        exit

#= error: cannot make a map: map 'm': BPF_MAP_TYPE_SOCKMAP does not exist in user space; there are ARRAY, PERCPU_ARRAY, HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, PROG_ARRAY, QUEUE, STACK, RINGBUF, LPM_TRIE
