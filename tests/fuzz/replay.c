/* Runs a fuzz target over the files of its corpus, in builds without libFuzzer. */
#include "tests/fuzz/target.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Each input is a heap block of exactly its size, so that a sanitizer sees a read behind it. */
static void replay(DIR *corpus, const char *name)
{
	FILE *file = fdopen(openat(dirfd(corpus), name, O_RDONLY | O_CLOEXEC), "rb");
	struct stat stat;
	MUST(file && fstat(fileno(file), &stat) == 0);
	size_t len = (size_t)stat.st_size;
	uint8_t *data = malloc(len ? len : 1);
	MUST(data && fread(data, 1, len, file) == len);
	fclose(file);
	(void)LLVMFuzzerTestOneInput(data, len);
	free(data);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
		return 2;
	}
	DIR *corpus = opendir(argv[1]);
	struct dirent *entry;
	size_t count = 0;
	if (!corpus) {
		perror(argv[1]);
		return 1;
	}
	for (; (entry = readdir(corpus)) != NULL; count += entry->d_name[0] != '.') {
		if (entry->d_name[0] != '.')
			replay(corpus, entry->d_name);
	}
	closedir(corpus);
	printf("%zu inputs\n", count);
	return count > 0 ? 0 : 1;
}
