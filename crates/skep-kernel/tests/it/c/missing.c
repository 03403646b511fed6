// A function that no kernel has.
#include "bpf.h"

extern int bpf_no_such_function(int) __ksym __weak;

SEC("tc") int missing(void *ctx) {
	return bpf_no_such_function(3);
}
