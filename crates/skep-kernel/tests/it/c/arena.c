// An arena: memory that programs and this process share, with variables in it.
#include "bpf.h"

#define __arena __attribute__((address_space(1)))

struct {
	__uint(type, 33);
	__uint(map_flags, 1 << 10);
	__uint(max_entries, 4);
} arena SEC(".maps");

u64 __arena counter = 5;
u32 __arena numbers[3] = {1, 2, 3};

SEC("syscall") int bump(void *ctx) {
	counter += 2;
	numbers[1] = counter;
	return counter;
}
