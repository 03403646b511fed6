# Counts the words of a text, and prints them sorted by how often they occur.
#
# run: skep run examples/words.s
#
# This is a tour of the assembler. What BPF is made of:
#
#   r0          the result of a call
#   r1 - r5     the arguments of a call; whoever is called may change them, and r0
#   r6 - r9     keep their values over calls
#   r10         the end of this function's stack frame of 512 bytes; it cannot be changed
#   w0 - w9     the lower halves: writing one clears the upper half
#
# `skep run` runs the functions of section BEGIN first, then `main`, then those of section END.

# ---------------------------------------------------------------------------------------------------------------
# Constants and maps. A map is a table that programs share, and keep their data in: here from a word to a number.
# Every key has the same size, so a word is 16 bytes, and the unused ones are zeros.

WORD    = 16                            # bytes in a word; the last one is always zero
MAX     = 64                            # different words

        .map    counts, type=hash, key=WORD, value=8, max_entries=MAX

# An entry of the table that is printed: { u64 count; char word[16]; }
COUNT   = 0                             # offset of the count
NAME    = 8                             # offset of the word
ENTRY   = NAME + WORD                   # size of an entry

# skep's own helpers for user-space programs are called by number; a constant gives this one a name.
map_get_next_key = 10001

# ---------------------------------------------------------------------------------------------------------------
# BEGIN runs before everything else: here it prints a heading. `puts` is the one of the C library.

        .section BEGIN
begin:  r1 = heading ll                 # `ll`: the address of a symbol
        call    puts
        r0 = 0
        exit

# ---------------------------------------------------------------------------------------------------------------
# main cuts the text into words, and counts each.
#
#   r6  where to read the next character
#   r7  how long the word is so far
#   r8  the character
#   r10 - WORD ...  the word, on the stack

        .text
        .globl  main
main:   r6 = text ll

new_word:
        *(u64 *)(r10 - 16) = 0          # a new word is all zeros
        *(u64 *)(r10 - 8) = 0
        r7 = 0

next:   w8 = *(u8 *)(r6 + 0)            # u8, u16, u32, u64: how much to load
        r6 += 1
        w1 = w8
        w1 |= 0x20                      # 'A' becomes 'a'
        if w1 < 'a' goto word_ends      # unsigned; `s<` compares signed numbers
        if w1 > 'z' goto word_ends
        if r7 == WORD - 1 goto next     # a longer word is cut: no room but for its zero at the end
        r2 = r10
        r2 += r7
        *(u8 *)(r2 - WORD) = w1
        r7 += 1
        goto    next

word_ends:
        if r7 == 0 goto 1f              # two blanks in a row: no word
        r1 = r10
        r1 += -WORD
        call    count
1:      if w8 != 0 goto new_word        # the text ends with a zero
        r0 = 0
        exit

# count(r1 = word): adds 1 to its number in the map.
count:  r6 = r1                         # the caller's r6 is safe: it gets it back
        r1 = total ll
        r2 = 1
        lock *(u64 *)(r1 + 0) += r2     # adds to memory, atomically
        r1 = counts ll
        r2 = r6
        call    bpf_map_lookup_elem     # a helper: r0 = where the value is, or 0
        if r0 == 0 goto first_time
        r1 = *(u64 *)(r0 + 0)
        r1 += 1
        *(u64 *)(r0 + 0) = r1           # the value is changed in place
        exit

first_time:
        *(u64 *)(r10 - 8) = 1
        r1 = counts ll
        r2 = r6
        r3 = r10
        r3 += -8
        r4 = 0                          # flags: BPF_ANY
        call    bpf_map_update_elem     # copies key and value into the map
        exit

# ---------------------------------------------------------------------------------------------------------------
# END runs after everything else: it copies the map into a table, sorts it, and prints it.
# Only what is to run by itself stands in END; what it calls stands in .text.

        .section END
end:    call    collect
        r6 = r0                         # how many entries
        r1 = r6
        call    sort

        r7 = table ll
        r8 = 0
1:      if r8 >= r6 goto 2f
        r1 = line ll
        r2 = r7
        r2 += NAME
        r3 = *(u64 *)(r7 + COUNT)
        call    printf                  # printf(line, entry->word, entry->count)
        r7 += ENTRY
        r8 += 1
        goto    1b

2:      r1 = sum ll
        r2 = total ll
        r2 = *(u64 *)(r2 + 0)
        r3 = r6
        call    printf
        r0 = 0
        exit

        .text
# r0 = collect(): copies all entries of the map into the table, and returns how many there are.
#
#   r6  the entry that is being filled
#   r7  how many are filled
#   r8  the key before; 0 asks for the first one
collect:
        r6 = table ll
        r7 = 0
        r8 = 0
1:      r1 = counts ll
        r2 = r8
        r3 = r6
        r3 += NAME
        call    map_get_next_key        # writes the next key where r3 points; r0 = 0 if there is one
        if r0 != 0 goto 2f
        r8 = r6
        r8 += NAME                      # that is the key before, next time
        r1 = counts ll
        r2 = r8
        call    bpf_map_lookup_elem
        if r0 == 0 goto 2f
        r1 = *(u64 *)(r0 + 0)
        *(u64 *)(r6 + COUNT) = r1
        r6 += ENTRY
        r7 += 1
        if r7 < MAX goto 1b
2:      r0 = r7
        exit

# sort(r1 = number of entries): takes one entry after another, and moves it forward to where it belongs.
#
#   r6  behind the last entry
#   r7  the entry that is taken
#   r8  where it is now
sort:   r6 = table ll
        r1 *= ENTRY
        r6 += r1
        r7 = table ll
1:      r7 += ENTRY
        if r7 >= r6 goto 3f
        r8 = r7
2:      r1 = table ll
        if r8 <= r1 goto 1b             # it is the first one
        r1 = r8
        r2 = r8
        r2 += -ENTRY
        call    before
        if r0 == 0 goto 1b              # it stands where it belongs
        r1 = r8
        r8 += -ENTRY
        r2 = r8
        call    swap
        goto    2b
3:      exit

# r0 = before(r1, r2): 1 if the first entry belongs before the second: it occurs more often, or comes first in the
# alphabet.
before: r3 = *(u64 *)(r1 + COUNT)
        r4 = *(u64 *)(r2 + COUNT)
        if r3 > r4 goto yes
        if r3 < r4 goto no
        r1 += NAME
        r2 += NAME
        call    strcmp                  # an `int` of C comes back in w0
        if w0 s< 0 goto yes
no:     r0 = 0
        exit
yes:    r0 = 1
        exit

# swap(r1, r2): exchanges two entries, 8 bytes at a time.
swap:   r3 = ENTRY / 8
1:      r4 = *(u64 *)(r1 + 0)
        r5 = *(u64 *)(r2 + 0)
        *(u64 *)(r1 + 0) = r5
        *(u64 *)(r2 + 0) = r4
        r1 += 8
        r2 += 8
        r3 += -1
        if r3 != 0 goto 1b
        exit

# ---------------------------------------------------------------------------------------------------------------
# Data. .rodata is read-only, .data can be written, .bss can be written and begins as zeros.

        .rodata
heading:
        .asciz  "word        count\n-----------------"
line:   .asciz  "%-12s %4d\n"
sum:    .asciz  "%d words, %d of them different\n"

text:   .ascii  "A skep is a basket hive, woven from straw. The bees keep their honey in the skep; "
        .ascii  "the skep keeps the rain from the bees. When the bees are many, and the skep is full, "
        .asciz  "the keeper weaves another skep."

        .bss
        .balign 8
total:  .zero   8                       # words so far
table:  .zero   MAX * ENTRY
