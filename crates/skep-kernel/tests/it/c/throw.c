// A program that throws, and the function that it goes to then.
#include "bpf.h"

extern void bpf_throw(u64 cookie) __ksym;

noinline int caught(u64 cookie) {
	return cookie + 1;
}

SEC("tc") __attribute__((btf_decl_tag("exception_callback:caught"))) int throws(void *ctx) {
	bpf_throw(41);
	return 0;
}

SEC("tc") int plain(void *ctx) {
	bpf_throw(7);
	return 0;
}
