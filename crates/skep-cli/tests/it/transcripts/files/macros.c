#define OUTER(x) MIDDLE(x)
#define MIDDLE(x) INNER(x)
#define INNER(x) (x).member

int main(void)
{
	return OUTER(3);
}
