/* Every helper, tried by programs that return 0, or the line of what went wrong. */
#include <skep/user.h>

#define CHECK(what)                                                                                                    \
	if (!(what))                                                                                                   \
	return __LINE__

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, int);
	__type(value, u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__type(key, int);
	__type(value, u64);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, u64);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2);
	__type(value, u32);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

int test_maps(void)
{
	int key = 1;
	u64 value = 10, *found;

	CHECK(!bpf_map_lookup_elem(&hash, &key));
	CHECK(bpf_map_update_elem(&hash, &key, &value, BPF_EXIST) == -ENOENT);
	CHECK(bpf_map_update_elem(&hash, &key, &value, BPF_NOEXIST) == 0);
	CHECK(bpf_map_update_elem(&hash, &key, &value, BPF_NOEXIST) == -EEXIST);
	CHECK(bpf_map_update_elem(&hash, &key, &value, 77) == -EINVAL);
	found = bpf_map_lookup_elem(&hash, &key);
	CHECK(found && *found == 10);
	*found += 1;
	CHECK(*(u64 *)bpf_map_lookup_elem(&hash, &key) == 11);
	CHECK(bpf_map_delete_elem(&hash, &key) == 0);
	CHECK(bpf_map_delete_elem(&hash, &key) == -ENOENT);
	key = 3;
	CHECK(!bpf_map_lookup_elem(&array, &key));
	CHECK(bpf_map_update_elem(&array, &key, &value, BPF_ANY) == -E2BIG);
	return 0;
}

int test_user_maps(void)
{
	int key, next, sum = 0, count = 0, *last = NULL;
	u64 value;

	for (key = 1; key <= 3; key++) {
		value = key * 100;
		CHECK(map_update_elem(&hash, &key, &value, BPF_ANY) == 0);
	}
	for (; !map_get_next_key(&hash, last, &next); last = &key, key = next, count++) {
		CHECK(map_lookup_elem(&hash, &next, &value) == 0 && value == (u64)next * 100);
		sum += next;
	}
	CHECK(count == 3 && sum == 6);
	CHECK(map_get_next_key(&hash, &next, &key) == -ENOENT);
	key = 2;
	CHECK(map_lookup_and_delete_elem(&hash, &key, &value) == 0 && value == 200);
	CHECK(map_lookup_elem(&hash, &key, &value) == -ENOENT && value == 200);
	CHECK(map_delete_elem(&hash, &key) == -ENOENT);
	key = 1;
	CHECK(map_delete_elem(&hash, &key) == 0);
	key = 3;
	CHECK(map_delete_elem(&hash, &key) == 0);
	CHECK(map_get_next_key(&hash, NULL, &key) == -ENOENT);
	return 0;
}

int test_queue(void)
{
	u32 value = 5;

	CHECK(bpf_map_pop_elem(&queue, &value) == -ENOENT && value == 0);
	value = 5;
	CHECK(bpf_map_push_elem(&queue, &value, 0) == 0);
	value = 6;
	CHECK(map_update_elem(&queue, NULL, &value, 0) == 0);
	CHECK(bpf_map_push_elem(&queue, &value, 0) == -E2BIG);
	CHECK(bpf_map_peek_elem(&queue, &value) == 0 && value == 5);
	CHECK(map_lookup_elem(&queue, NULL, &value) == 0 && value == 5);
	CHECK(bpf_map_pop_elem(&queue, &value) == 0 && value == 5);
	CHECK(map_delete_elem(&queue, NULL) == -EINVAL);
	CHECK(map_lookup_and_delete_elem(&queue, NULL, &value) == 0 && value == 6);
	CHECK(map_lookup_elem(&queue, NULL, &value) == -ENOENT);
	return 0;
}

int test_percpu(void)
{
	int key = 0, cpus = num_possible_cpus();
	u64 value = 7, *of_cpu, sum = 0;

	CHECK(cpus >= 1 && bpf_get_smp_processor_id() < (u32)cpus);
	CHECK(map_update_elem(&percpu, &key, &value, BPF_ANY) == 0);
	for (int cpu = 0; cpu < cpus; cpu++) {
		of_cpu = bpf_map_lookup_percpu_elem(&percpu, &key, cpu);
		CHECK(of_cpu);
		sum += *of_cpu;
	}
	CHECK(sum >= 7 && sum % 7 == 0);
	CHECK(!bpf_map_lookup_percpu_elem(&percpu, &key, cpus));
	CHECK(!bpf_map_lookup_percpu_elem(&array, &key, 0));
	return 0;
}

static long add(u32 index, void *ctx)
{
	*(u64 *)ctx += index;
	return index == 7;
}

static long visit(void *map, const int *key, u64 *value, u64 *sum)
{
	(void)map;
	*sum += *key * 1000 + *value;
	*value = 0;
	return *key == 1;
}

int test_callbacks(void)
{
	u64 sum = 0;
	u64 value = 5;
	int key;

	CHECK(bpf_loop(5, add, &sum, 0) == 5 && sum == 10);
	CHECK(bpf_loop(100, add, &sum, 0) == 8 && sum == 10 + 28);
	CHECK(bpf_loop(0, add, &sum, 0) == 0);
	CHECK(bpf_loop(1, add, &sum, 1) == -EINVAL);
	CHECK(bpf_loop((8 << 20) + 1, add, &sum, 0) == -E2BIG);
	for (key = 0; key < 3; key++)
		CHECK(bpf_map_update_elem(&array, &key, &value, BPF_ANY) == 0);
	sum = 0;
	CHECK(bpf_for_each_map_elem(&array, visit, &sum, 0) == 2 && sum == 1010);
	key = 1;
	CHECK(map_lookup_elem(&array, &key, &value) == 0 && value == 0);
	key = 2;
	CHECK(map_lookup_elem(&array, &key, &value) == 0 && value == 5);
	CHECK(bpf_for_each_map_elem(&array, visit, &sum, 4) == -EINVAL);
	CHECK(bpf_for_each_map_elem(&queue, visit, &sum, 0) == -EINVAL);
	return 0;
}

int test_probes(void)
{
	char from[8] = "abcdefg", to[8] = "xxxxxxx";

	CHECK(bpf_probe_read(to, 4, from) == 0 && to[3] == 'd' && to[4] == 'x');
	CHECK(bpf_probe_read_kernel(to, 8, (void *)8) == -EFAULT && to[0] == 0 && to[7] == 0);
	CHECK(bpf_probe_read_user(to, 0, (void *)8) == 0);
	CHECK(bpf_copy_from_user(to, 8, (void *)-16) == -EFAULT);
	CHECK(bpf_probe_read_str(to, 8, from) == 8 && to[6] == 'g');
	CHECK(bpf_probe_read_user_str(to, 4, from) == 4 && to[2] == 'c' && to[3] == 0 && to[4] == 'e');
	CHECK(bpf_probe_read_kernel_str(to, 8, "hi") == 3 && to[1] == 'i' && to[2] == 0);
	CHECK(bpf_probe_read_str(to, 8, (void *)8) == -EFAULT && to[0] == 0);
	CHECK(bpf_probe_write_user(to, from, 3) == 0 && to[2] == 'c');
	CHECK(bpf_probe_write_user((void *)8, from, 3) == -EFAULT);
	return 0;
}

int test_text(void)
{
	char text[16];
	long number = 1;
	unsigned long positive = 1;
	u64 args[3];

	/* clang 22 loses the constants of initialized arrays with -mcpu=v4. */
	args[0] = -5;
	args[1] = (u64) "word";
	args[2] = 255;
	CHECK(bpf_strtol(" -42x", 5, 0, &number) == 4 && number == -42);
	CHECK(bpf_strtol("0x10", 4, 0, &number) == 4 && number == 16);
	CHECK(bpf_strtol("-9223372036854775808", 20, 10, &number) == 20 && number == (long)(1UL << 63));
	CHECK(bpf_strtol("9223372036854775808", 19, 10, &number) == -ERANGE);
	CHECK(bpf_strtol("z", 1, 10, &number) == -EINVAL);
	CHECK(bpf_strtoul("18446744073709551615", 20, 10, &positive) == 20 && positive == ~0UL);
	CHECK(bpf_strtoul("-1", 2, 10, &positive) == -EINVAL);
	CHECK(bpf_strncmp("abc", 3, "abcd") == 0);
	CHECK(bpf_strncmp("abc", 4, "abcd") < 0);
	CHECK(bpf_strncmp("abd", 4, "abc") > 0);
	CHECK(bpf_snprintf(text, sizeof(text), "%d %s %x", args, sizeof(args)) == 11);
	CHECK(bpf_strncmp(text, 11, "-5 word ff") == 0);
	CHECK(bpf_snprintf(text, 4, "%d %s %x", args, sizeof(args)) == 11);
	CHECK(bpf_strncmp(text, 11, "-5 ") == 0);
	CHECK(bpf_snprintf(text, 4, "%d%d", args, 8) == -EINVAL);
	CHECK(bpf_snprintf(text, 4, "%n", args, 8) == -EINVAL);
	CHECK(bpf_snprintf(text, 4, "x", args, 7) == -EINVAL);
	args[0] = 8;
	CHECK(bpf_snprintf(text, 4, "%s", args, 8) == 1 && text[0] == 0);
	return 0;
}

int test_ring(void)
{
	u64 *record, data = 1;

	CHECK(bpf_ringbuf_output(&ring, &data, sizeof(data), 0) == 0);
	record = bpf_ringbuf_reserve(&ring, 16, 0);
	CHECK(record);
	record[0] = 2;
	record[1] = 3;
	bpf_ringbuf_submit(record, 0);
	record = bpf_ringbuf_reserve(&ring, 8, 0);
	CHECK(record);
	bpf_ringbuf_discard(record, 0);
	CHECK(!bpf_ringbuf_reserve(&ring, 5000, 0));
	CHECK(bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) == 4096);
	CHECK(bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) == 16 + 24 + 16);
	return 0;
}

int test_dynptr(void)
{
	struct bpf_dynptr ptr;
	static char data[8] = "abcdefg";
	char text[4] = "", *at;

	CHECK(bpf_dynptr_from_mem(data, sizeof(data), 0, &ptr) == 0);
	CHECK(bpf_dynptr_read(text, 3, &ptr, 2, 0) == 0 && text[0] == 'c' && text[2] == 'e');
	CHECK(bpf_dynptr_read(text, 3, &ptr, 6, 0) == -E2BIG);
	CHECK(bpf_dynptr_write(&ptr, 6, text, 2, 0) == 0 && data[6] == 'c');
	at = bpf_dynptr_data(&ptr, 4, 4);
	CHECK(at && *at == 'e');
	CHECK(!bpf_dynptr_data(&ptr, 4, 5));
	CHECK(bpf_dynptr_from_mem(data, sizeof(data), 1, &ptr) == -EINVAL);
	CHECK(bpf_dynptr_read(text, 1, &ptr, 0, 0) == -EINVAL);
	CHECK(bpf_ringbuf_reserve_dynptr(&ring, 32, 0, &ptr) == 0);
	CHECK(bpf_dynptr_write(&ptr, 28, "abcd", 4, 0) == 0);
	bpf_ringbuf_submit_dynptr(&ptr, 0);
	CHECK(!bpf_dynptr_data(&ptr, 0, 1));
	CHECK(bpf_ringbuf_reserve_dynptr(&ring, 5000, 0, &ptr) == -EINVAL);
	bpf_ringbuf_discard_dynptr(&ptr, 0);
	return 0;
}

int test_identity(void)
{
	char name[16] = "xxxxxxxxxxxxxxx";
	u64 pid = bpf_get_current_pid_tgid();
	u32 a = bpf_get_prandom_u32(), b = bpf_get_prandom_u32(), c = bpf_get_prandom_u32();

	CHECK(pid >> 32 && (u32)pid);
	CHECK(bpf_get_current_uid_gid() == bpf_get_current_uid_gid());
	CHECK(bpf_get_current_comm(name, sizeof(name)) == 0 && name[0] && !name[15]);
	CHECK(bpf_get_current_comm(name, 2) == 0 && name[0] && !name[1]);
	CHECK(bpf_get_current_comm(name, 0) == -EINVAL);
	CHECK(!(a == b && b == c));
	CHECK(bpf_get_numa_node_id() >= 0);
	return 0;
}

int test_time(void)
{
	u64 start = bpf_ktime_get_ns(), end = bpf_ktime_get_ns();

	CHECK(start && start <= end && end - start < 10000000000ULL);
	CHECK(bpf_ktime_get_boot_ns() >= end);
	CHECK(bpf_ktime_get_coarse_ns() + 1000000000ULL > end);
	CHECK(bpf_ktime_get_tai_ns() > end);
	CHECK(bpf_jiffies64() >= end / 10000000);
	return 0;
}

static struct bpf_spin_lock lock;

int test_lock(void)
{
	void *slot = &lock;

	bpf_spin_lock(&lock);
	CHECK(lock.val);
	bpf_spin_unlock(&lock);
	CHECK(!*(volatile u32 *)&lock.val);
	CHECK(bpf_kptr_xchg(&slot, NULL) == (void *)&lock && !slot);
	return 0;
}

int test_checksum(void)
{
	u32 from[2] = {0x04030201, 0x08070605}, to[2] = {0x04030201, 0xffffffff};
	s64 sum;

	CHECK(bpf_csum_diff(NULL, 0, from, 3, 0) == -EINVAL);
	CHECK(bpf_csum_diff(NULL, 0, from, 8, 0) == 0x1410);
	sum = bpf_csum_diff(from, 8, to, 8, 0x1234);
	CHECK(sum == bpf_csum_diff(&from[1], 4, &to[1], 4, 0x1234));
	CHECK(bpf_csum_diff(from, 8, from, 8, 0x1234) == 0x1234);
	return 0;
}
