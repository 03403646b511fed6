// What the kernel offers only to programs with types: locks and timers in map values, callbacks for elements, iterators,
// dynamic pointers, static functions of sections, arrays of programs and of maps.
#include "bpf.h"

struct bpf_spin_lock {
	u32 val;
};

struct bpf_timer {
	u64 opaque[2];
} __attribute__((aligned(8)));

struct bpf_iter_num {
	u64 opaque[1];
} __attribute__((aligned(8)));

struct bpf_dynptr {
	u64 opaque[2];
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

static void (*const bpf_tail_call)(void *ctx, void *map, u32 index) = (void *)12;
static long (*const bpf_spin_lock)(struct bpf_spin_lock *lock) = (void *)93;
static long (*const bpf_spin_unlock)(struct bpf_spin_lock *lock) = (void *)94;
static long (*const bpf_ringbuf_output)(void *ringbuf, void *data, u64 size, u64 flags) = (void *)130;
static long (*const bpf_for_each_map_elem)(void *map, void *callback, void *ctx, u64 flags) = (void *)164;
static long (*const bpf_timer_init)(struct bpf_timer *timer, void *map, u64 flags) = (void *)169;
static long (*const bpf_timer_set_callback)(struct bpf_timer *timer, void *callback) = (void *)170;
static long (*const bpf_timer_start)(struct bpf_timer *timer, u64 nsecs, u64 flags) = (void *)171;
static long (*const bpf_dynptr_from_mem)(void *data, u32 size, u64 flags, struct bpf_dynptr *ptr) = (void *)197;
static long (*const bpf_dynptr_read)(void *dst, u32 len, struct bpf_dynptr *src, u32 offset, u64 flags) = (void *)201;

struct locked {
	struct bpf_spin_lock lock;
	u32 pad;
	u64 count;
};

struct timed {
	struct bpf_timer timer;
	u64 fired;
};

struct {
	__uint(type, 1);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, struct locked);
} locks SEC(".maps");

struct {
	__uint(type, 2);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct timed);
} timers SEC(".maps");

struct {
	__uint(type, 27);
	__uint(max_entries, 8192);
} events SEC(".maps");

struct inner {
	__uint(type, 2);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} inner SEC(".maps");

struct {
	__uint(type, 13);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__array(values, struct inner);
} outer SEC(".maps");

int last(void *ctx);

struct {
	__uint(type, 3);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(void *));
} next SEC(".maps") = {.values = {[1] = (void *)&last}};

u64 sum;
char scratch[64] = "0123456789";
u32 calls[8];

static long add(void *map, const u32 *key, struct locked *value, void *ctx) {
	*(u64 *)ctx += *key;
	return 0;
}

static int fire(void *map, u32 *key, struct timed *value) {
	value->fired++;
	return 0;
}

SEC("tc") int last(void *ctx) {
	calls[1]++;
	return 77;
}

SEC("tc") int first(void *ctx) {
	u32 zero = 0;
	u64 total = 0;
	struct locked *locked = bpf_map_lookup_elem(&locks, &zero);
	if (locked) {
		bpf_spin_lock(&locked->lock);
		locked->count++;
		bpf_spin_unlock(&locked->lock);
	}
	struct timed *timed = bpf_map_lookup_elem(&timers, &zero);
	if (timed && bpf_timer_init(&timed->timer, &timers, 1) == 0) {
		bpf_timer_set_callback(&timed->timer, fire);
		bpf_timer_start(&timed->timer, 0, 0);
	}
	bpf_for_each_map_elem(&locks, add, &total, 0);
	struct bpf_iter_num it;
	bpf_iter_num_new(&it, 0, 10);
	int *i;
	while ((i = bpf_iter_num_next(&it)))
		total += *i;
	bpf_iter_num_destroy(&it);
	struct bpf_dynptr ptr;
	char digit = 0;
	bpf_dynptr_from_mem(scratch, sizeof(scratch), 0, &ptr);
	bpf_dynptr_read(&digit, 1, &ptr, 7, 0);
	total += digit;
	void *map = bpf_map_lookup_elem(&outer, &zero);
	if (map) {
		u64 *value = bpf_map_lookup_elem(map, &zero);
		if (value)
			total += *value;
	}
	sum = total;
	bpf_ringbuf_output(&events, &total, sizeof(total), 0);
	calls[0]++;
	bpf_tail_call(ctx, &next, 1);
	return 1;
}
