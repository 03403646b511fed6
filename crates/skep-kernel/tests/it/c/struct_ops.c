// Structs of functions that the kernel calls. What is declared here is less, and in another order, than what it has.
#include "bpf.h"

struct bpf_dummy_ops_state {
	int val;
};

struct bpf_dummy_ops {
	int (*test_2)(struct bpf_dummy_ops_state *state, int a1, u16 a2, char a3, unsigned long a4);
	int (*test_1)(struct bpf_dummy_ops_state *state);
	u64 no_such_member;
};

struct tcp_congestion_ops___mine {
	char name[16];
	u32 flags;
	u32 (*undo_cwnd)(void *sk);
	void (*cong_avoid)(void *sk, u32 ack, u32 acked);
	u32 (*ssthresh)(void *sk);
	void *owner;
};

SEC("struct_ops/test_1") int test_1(u64 *ctx) {
	struct bpf_dummy_ops_state *state = (void *)ctx[0];
	int val = state ? state->val : -1;
	if (state)
		state->val = val + 1;
	return val;
}

SEC("struct_ops/test_2") int test_2(u64 *ctx) {
	return ctx[1] + ctx[4];
}

SEC("struct_ops") u32 ssthresh(u64 *ctx) {
	return 5;
}

SEC("struct_ops") void cong_avoid(u64 *ctx) {
}

SEC("struct_ops") u32 undo_cwnd(u64 *ctx) {
	return 7;
}

SEC("?struct_ops/x") int lonely(u64 *ctx) {
	return 0;
}

SEC(".struct_ops") struct bpf_dummy_ops dummy = {
	.test_1 = (void *)test_1,
	.test_2 = (void *)test_2,
};

SEC(".struct_ops.link") struct tcp_congestion_ops___mine control = {
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
	.name = "skep_test",
};
