// Reads its own source with the C library, counts how often each line length occurs in a BPF map, and draws it.
//
// run: skep run examples/lines.c
#include <stdio.h>
#include <string.h>

#include <skep/user.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 13); // lengths 0-9, 10-19, ...
	__type(key, unsigned int);
	__type(value, unsigned long);
} lengths SEC(".maps");

static char line[256];
static unsigned long total;

int main(void)
{
	FILE *file = fopen("examples/lines.c", "r");
	if (!file) {
		puts("run this in the folder above examples");
		return 1;
	}
	while (fgets(line, sizeof(line), file)) {
		unsigned int slot = (strlen(line) - 1) / 10;
		unsigned long *count = bpf_map_lookup_elem(&lengths, &slot);
		if (count)
			__sync_fetch_and_add(count, 1);
		total++;
	}
	fclose(file);
	return 0;
}

SEC("END") int end(void)
{
	for (unsigned int slot = 0; slot < 13; slot++) {
		unsigned long count = 0;
		map_lookup_elem(&lengths, &slot, &count);
		print("%3d-%-3d %2ld %.*s\n", slot * 10, slot * 10 + 9, count, (int)count,
		      "########################################");
	}
	print("%ld lines\n", total);
	return 0;
}
