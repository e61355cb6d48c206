/* card - a message for people: a list of names and values, and a table for a list of messages. */
#pragma once

/* On standard output. `text`: the message as JSON. */
void card_print(const char *text);
