#include "client/ctl/describe.h"
#include "client/ctl/known.h"
#include "client/ctl/report.h"
#include "client/ctl/table.h"
#include "client/ctl/verbs.h"

static void service_rows(struct table *table, const struct service_methods *service)
{
	for (size_t i = 0; i < service->count; i++) {
		const struct method *method = &service->methods[i];
		bool foreign = catalog_foreign(service);
		table_add_format(table, "%s/%s", foreign ? service->name : catalog_short(service),
		                 method->name);
		table_add(table, kind_name(method->kind));
		table_add(table, foreign ? "" : role_name(method->role));
		table_add(table, method->request->name);
		table_add(table, method->response->name);
	}
}

static void list_table(const struct catalog *catalog)
{
	struct table table;
	table_init(&table, 5, 0);
	table_add(&table, "METHOD");
	table_add(&table, "KIND");
	table_add(&table, "ROLE");
	table_add(&table, "REQUEST");
	table_add(&table, "ANSWER");
	for (size_t i = 0; i < catalog->count; i++)
		service_rows(&table, catalog->services[i]);
	table_print(&table, 0, stdout);
	table_deinit(&table);
}

static void list_json(const struct catalog *catalog)
{
	json_t *list = json_array();
	for (size_t i = 0; i < catalog->count; i++)
		json_array_append_new(list, service_to_json(catalog->services[i]));
	json_print(list, stdout);
}

int verb_list(const struct options *options)
{
	if (options->argument_count > 0)
		return report_usage("list takes no arguments");
	struct known known;
	int code = known_open(&known, options, NULL);
	if (code == EXIT_DONE && options->output == OUTPUT_JSON)
		list_json(&known.catalog);
	else if (code == EXIT_DONE)
		list_table(&known.catalog);
	known_close(&known);
	return report_output(code);
}
