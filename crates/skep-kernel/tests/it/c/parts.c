// Everything that a program consists of: maps, data, functions of all linkages, a callback, the kernel's functions and variables.
#include "bpf.h"

struct key {
	u32 a, b;
};

struct value {
	u64 n;
	char name[5];
};

struct {
	__uint(type, 1);
	__uint(max_entries, 16);
	__type(key, struct key);
	__type(value, struct value);
} table SEC(".maps");

struct {
	__uint(type, 29);
	__uint(map_flags, 1);
	__type(key, int);
	__type(value, struct value);
} tasks SEC(".maps");

struct settings {
	u8 on;
	u32 bits : 3;
	u64 limit;
};

struct settings settings = {1, 5, 1000};
int counter = 3;
static int runs;
const volatile int factor = 10;
const char text[] = "hello";

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern int bpf_no_such_function(int) __ksym __weak;
extern const int bpf_no_such_variable __ksym __weak;
extern const int bpf_no_such_symbol __ksym __weak;

noinline int visible(int x) {
	return x * factor + counter;
}

static noinline int invisible(struct key *key) {
	struct value *value = bpf_map_lookup_elem(&table, key);
	return value ? (int)value->n : -1;
}

__hidden noinline int hidden(int *x) {
	*x += 5;
	return *x;
}

static long step(u32 i, void *ctx) {
	*(long *)ctx += i + text[i & 3];
	return 0;
}

SEC("tc") int prog(void *ctx) {
	struct key key = {1, 2};
	int x = 1;
	long sum = 0;
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	if (bpf_no_such_function)
		x += bpf_no_such_function(3);
	if (&bpf_no_such_variable)
		x += 100;
	if (bpf_rcu_read_lock)
		x += 1000;
	bpf_loop(4, step, &sum, 0);
	runs++;
	return visible(2) + invisible(&key) + hidden(&x) + sum + runs * 10000;
}

SEC("tc") int limited(void *ctx) {
	return settings.on ? settings.limit + settings.bits : 0;
}
