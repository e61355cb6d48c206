/* guardian - nothing that a test makes outlives it: not when it fails, crashes, or is killed.
 *
 * A process per test program, started by the first watched path, waits for the program's end. It
 * has no parent among the test's processes: ctest, whose time limit kills a test with all of its
 * children, does not find it. Trouble ends the program with a message. Thread: one at a time. */
#pragma once

/* When this program has ended, what runs in `path` is ended and `path` is removed, if it is still
 * there. No white space in it. */
void guardian_watch(const char *path);
