// Pointers in data: programs in the kernel cannot follow them.
#include "bpf.h"

int number = 5;
int *volatile pointer = &number;
const char *const names[] = {"one", "two"};
int plain = 7;

SEC("?tc") int follows(void *ctx) {
	return *pointer;
}

SEC("?tc") int does_not(void *ctx) {
	return plain + number;
}

SEC("?tc") int jumps(int *ctx) {
	switch (*ctx) {
	case 0: return 5;
	case 1: return 70;
	case 2: return 13;
	case 3: return 4;
	case 4: return 99;
	case 5: return 21;
	case 6: return 8;
	case 7: return 1;
	case 8: return 33;
	case 9: return 46;
	case 10: return 72;
	case 11: return 57;
	case 12: return 18;
	case 13: return 65;
	case 14: return 94;
	case 15: return 2;
	case 64: return 64;
	}
	return 0;
}
