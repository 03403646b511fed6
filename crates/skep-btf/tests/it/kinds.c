// A use of every kind that clang emits. Compiled by tests/it/real.rs.
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __ulong(name, val) enum { concat_##name = val } name
#define __array(name, val) typeof(val) *name[]
#define SEC(name) __attribute__((section(name)))

typedef unsigned int u32;
typedef unsigned long long u64;

struct forward;
union forward_union;

enum small { SMALL_A, SMALL_B = 7 };
enum negative { NEGATIVE = -5, POSITIVE = 5 };
enum big { BIG = 0x123456789abcdefULL };
enum big_negative { BIG_NEGATIVE = -0x123456789LL, OTHER = 1 };

struct bits {
	u32 a : 3;
	u32 b : 29;
	u64 wide : 40;
	int plain;
};

struct all {
	struct all *self;
	struct forward *fwd;
	union forward_union *ufwd;
	const volatile char *restrict text;
	float f;
	double d;
	_Bool flag;
	unsigned __int128 huge;
	int matrix[3][4];
	enum small small;
	enum negative negative;
	enum big big;
	enum big_negative big_negative;
	struct bits bits;
	union {
		int x;
		long y;
	};
	int (*callback)(void *ctx, const char *fmt, ...);
	int tagged __attribute__((btf_decl_tag("member tag")));
	int __attribute__((btf_type_tag("user"))) *user;
	char tail[];
} __attribute__((btf_decl_tag("struct tag")));

struct value {
	u32 hits;
	struct all *more;
};

struct {
	__uint(type, 1);
	__uint(max_entries, 1024);
	__type(key, u32);
	__type(value, struct value);
	__uint(map_flags, 1);
} counts SEC(".maps");

struct inner {
	__uint(type, 2);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 8);
} inner SEC(".maps");

struct {
	__uint(type, 12);
	__uint(max_entries, 4);
	__type(key, u32);
	__array(values, struct inner);
} outer SEC(".maps") = {.values = {&inner, 0, &inner}};

int tail_target(void *ctx);

struct {
	__uint(type, 3);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, int(void *));
	} programs SEC(".maps") = {.values = {[1] = (void *)&tail_target}};

struct {
	__uint(type, 33);
	__uint(map_flags, 1 << 10);
	__uint(max_entries, 100);
	__ulong(map_extra, 0x1ull << 44);
} arena SEC(".maps");

struct {
	__uint(type, 27);
	__uint(max_entries, 4096);
	__uint(pinning, 1);
} ring SEC(".maps");

struct all global;
static volatile int counter;
const int limit SEC(".rodata") = 9;
extern int LINUX_KERNEL_VERSION SEC(".kconfig") __attribute__((weak));
extern void bpf_rcu_read_lock(void) SEC(".ksyms");

__attribute__((noinline)) static u64 sum(const int *values, u32 count)
{
	u64 total = 0;
	for (u32 i = 0; i < count; i++)
		total += values[i] + counter;
	return total;
}

SEC("socket") int tail_target(void *ctx)
{
	return LINUX_KERNEL_VERSION;
}

struct sk {
	int mark;
	int len;
} __attribute__((preserve_access_index));

SEC("xdp") int entry(struct sk *ctx)
{
	bpf_rcu_read_lock();
	counter = ctx->len;
	return sum(global.matrix[0], 12) + ctx->mark;
}

char _license[] SEC("license") = "GPL";
