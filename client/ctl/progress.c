#include "client/ctl/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { DRAW_NS = 100000000, WIDTH_DEFAULT = 80, WIDTH_OF_TEXT = 62, BAR_MAX = 40 };

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* Asked each time: somebody may resize the window. */
static size_t columns(void)
{
	struct winsize size;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
	                                                                       : WIDTH_DEFAULT;
}

static double seconds_since(uint64_t start_ns)
{
	return (double)(now_ns() - start_ns) / 1e9;
}

static void draw_bar(const struct progress *progress, size_t width)
{
	size_t filled = progress->total ? width * progress->done / progress->total : 0;
	char bar[BAR_MAX + 1];
	memset(bar, '.', width);
	memset(bar, '#', filled < width ? filled : width);
	bar[width] = '\0';
	fprintf(stderr, " [%s]", bar);
}

static void draw(struct progress *progress)
{
	double seconds = seconds_since(progress->started_ns);
	double rate = seconds > 0 ? (double)progress->done / seconds : 0;
	size_t wide = columns(), left = progress->total - progress->done;
	fprintf(stderr, "\r\033[K%-9s %7zu/%zu", progress->what, progress->done, progress->total);
	if (wide > WIDTH_OF_TEXT + 4)
		draw_bar(progress, wide - WIDTH_OF_TEXT < BAR_MAX ? wide - WIDTH_OF_TEXT : BAR_MAX);
	if (rate > 0 && wide > WIDTH_OF_TEXT)
		fprintf(stderr, " %.0f/s, %.0f s left", rate, (double)left / rate);
	fflush(stderr);
	progress->drawn_ns = now_ns();
}

void progress_init(struct progress *progress, bool quiet)
{
	*progress = (struct progress){.terminal = isatty(STDERR_FILENO), .quiet = quiet};
}

void progress_begin(struct progress *progress, const char *what, size_t total)
{
	progress->what = what;
	progress->done = 0;
	progress->total = total;
	progress->started_ns = now_ns();
	if (progress->terminal && !progress->quiet && total > 0)
		draw(progress);
}

void progress_add(struct progress *progress, size_t more)
{
	progress->done += more;
	bool due = now_ns() - progress->drawn_ns >= DRAW_NS || progress->done == progress->total;
	if (progress->terminal && !progress->quiet && due)
		draw(progress);
}

void progress_hide(struct progress *progress)
{
	if (progress->terminal && !progress->quiet)
		fputs("\r\033[K", stderr);
}

double progress_end(struct progress *progress)
{
	double seconds = seconds_since(progress->started_ns);
	progress_hide(progress);
	if (!progress->terminal && !progress->quiet && progress->total > 0)
		fprintf(stderr, "%s: %zu of %zu in %.1f s\n", progress->what, progress->done,
		        progress->total, seconds);
	return seconds;
}
