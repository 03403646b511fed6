#include <skep/user.h>

struct point {
	int x, y;
	char name[8];
	enum { RED, GREEN = 5 } color;
	unsigned flag : 1, level : 3;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, int);
	__type(value, struct point);
} points SEC(".maps");

__attribute__((noinline)) int twice(int x)
{
	return x + x;
}

int main(void)
{
	struct point p = { .x = twice(-2), .y = 7, .name = "home", .color = GREEN, .flag = 1, .level = 6 };
	int key = -1;

	map_update_elem(&points, &key, &p, BPF_ANY);
	print("%d %s\n", p.x, p.name);
	return 3;
}
