/* A function that BPF cannot call. */
struct div_result {
	int quot, rem;
};
struct div_result div(int a, int b);

int main(void)
{
	struct div_result result = div(7, 2);

	return result.quot;
}
