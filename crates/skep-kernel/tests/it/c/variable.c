// A variable of the kernel.
#include "bpf.h"

extern const struct rq runqueues __ksym;

SEC("tc") int variable(void *ctx) {
	return bpf_per_cpu_ptr(&runqueues, 0) ? 1 : 2;
}
