/* skep/user.h behind headers of the kernel, of libbpf and of the C library, as far as they are installed. */
#if __has_include(<linux/bpf.h>)
#include <linux/bpf.h>
#endif
#if __has_include(<bpf/bpf_helpers.h>) && __has_include(<linux/bpf.h>)
#include <bpf/bpf_helpers.h>
#endif
#if __has_include(<stdio.h>)
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#endif
#include <skep/user.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
	__ulong(map_extra, 0);
} array SEC(".maps");

int main(void)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&array, &key);
	char text[] = "2";

	if (!value || map_lookup_elem(&array, &key, value) != 0 || map_delete_elem(&array, &key) != -EINVAL)
		return __LINE__;
	if (atoi(text) != 2 || strlen(text) != 1)
		return __LINE__;
	return 0;
}
