/* query - the catalog queries, from the .sql files of this folder by embed.py: one text of several
 * statements. Each row is an object; the columns have names, and one that a statement leaves out is
 * empty (object.h says what they are). Private to migrate/. */
#pragma once

extern const char catalog_query[];
