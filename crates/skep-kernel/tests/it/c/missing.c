// A function that no kernel has.
#include "bpf.h"

extern int bpf_no_such_function(int) __ksym __weak;

SEC("tc") int missing(void *ctx) {
	return bpf_no_such_function(3);
}

extern void bpf_rcu_read_lock___other(int) __ksym __weak;
extern void bpf_rcu_read_lock___right(void) __ksym __weak;

SEC("?tc") int flavors(void *ctx) {
	return (bpf_rcu_read_lock___other ? 1 : 0) + (bpf_rcu_read_lock___right ? 2 : 0);
}
