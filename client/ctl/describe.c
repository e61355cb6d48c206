#include "client/ctl/describe.h"

#include "client/ctl/known.h"
#include "client/ctl/names.h"
#include "client/ctl/nested.h"
#include "client/ctl/report.h"
#include "client/ctl/table.h"
#include "client/ctl/verbs.h"

#include <stdlib.h>
#include <string.h>

static void describe_enum(const ProtobufCEnumDescriptor *type)
{
	struct table table;
	printf("\n%s (enum)\n", type->name);
	table_init(&table, 2, 0);
	for (unsigned i = 0; i < type->n_values; i++) {
		table_add(&table, type->values[i].name);
		table_add_format(&table, "%d", type->values[i].value);
	}
	table_print(&table, 2, stdout);
	table_deinit(&table);
}

static void describe_message(const ProtobufCMessageDescriptor *message,
                             const struct message_rules *rules)
{
	struct table table;
	char text[FIELD_TEXT_SIZE];
	printf("%s (message)\n", message->name);
	table_init(&table, 4, 0);
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		table_add(&table, field->name);
		field_type(field, text);
		table_add(&table, text);
		table_add_format(&table, "%u", field->id);
		field_rules(message, rules, field, text);
		table_add(&table, text);
	}
	if (message->n_fields == 0)
		puts("  (no fields)");
	table_print(&table, 2, stdout);
	table_deinit(&table);
}

/* What else the messages hold. */
static void describe_nested(const struct nested *nested,
                            const ProtobufCMessageDescriptor *shown_first,
                            const ProtobufCMessageDescriptor *shown_second)
{
	for (size_t i = 0; i < nested->message_count; i++) {
		const struct nested_message *it = &nested->messages[i];
		if (it->message == shown_first || it->message == shown_second)
			continue;
		putchar('\n');
		describe_message(it->message, it->rules);
	}
	for (size_t i = 0; i < nested->enum_count; i++)
		describe_enum(nested->enums[i]);
}

/* An answer that the request holds too ("story") has the rules that it has there. */
static void describe_messages(const struct method *method)
{
	struct nested nested = {0};
	nested_add(&nested, method->request, method->rules);
	nested_add(&nested, method->response, NULL);
	printf("\n\nRequest: ");
	describe_message(method->request, method->rules);
	printf("\nAnswer: ");
	describe_message(method->response, nested_rules(&nested, method->response));
	describe_nested(&nested, method->request, method->response);
	nested_deinit(&nested);
}

static void describe_example(const struct service_methods *service, const struct method *method)
{
	json_t *example = message_example(method->request, method->rules);
	char *text = json_dumps(example, JSON_COMPACT);
	json_decref(example);
	if (!text)
		report_no_memory();
	bool foreign = catalog_foreign(service);
	printf("\nExample:\n  prismctl %scall %s/%s '%s'\n", foreign ? "--grpc " : "",
	       foreign ? service->name : catalog_short(service), method->name, text);
	free(text);
}

static void describe_method(const struct service_methods *service, const struct method *method)
{
	printf("%s: %s", method->path + 1, kind_name(method->kind));
	if (!catalog_foreign(service))
		printf(", role %s", role_name(method->role));
	if (*idempotency_name(method->idempotency))
		printf(", %s", idempotency_name(method->idempotency));
	if (method->sensitive)
		printf(", sensitive");
	if (method->deadline_ms > 0)
		printf(", %u ms unless told otherwise", method->deadline_ms);
	describe_messages(method);
	describe_example(service, method);
}

static void describe_service(const struct service_methods *service)
{
	struct table table;
	printf("%s (service)\n", service->name);
	table_init(&table, 3, 0);
	for (size_t i = 0; i < service->count; i++) {
		table_add(&table, service->methods[i].name);
		table_add(&table, kind_name(service->methods[i].kind));
		if (catalog_foreign(service))
			table_add(&table, "");
		else
			table_add_format(&table, "role %s", role_name(service->methods[i].role));
	}
	table_print(&table, 2, stdout);
	table_deinit(&table);
}

static int describe_as_method(const struct options *options, const struct catalog *catalog,
                              const char *name)
{
	struct catalog_entry entry;
	char fault[CATALOG_FAULT_SIZE];
	if (!catalog_method(catalog, name, &entry, fault))
		return report_usage("%s", fault);
	if (options->output == OUTPUT_JSON)
		json_print(method_to_json(entry.service, entry.method), stdout);
	else
		describe_method(entry.service, entry.method);
	return report_output(EXIT_DONE);
}

static void describe_alone(const ProtobufCMessageDescriptor *message,
                           const struct message_rules *rules)
{
	struct nested nested = {0};
	nested_add(&nested, message, rules);
	describe_message(message, rules);
	describe_nested(&nested, message, message);
	nested_deinit(&nested);
}

static int describe_as_message(const struct options *options,
                               const ProtobufCMessageDescriptor *message,
                               const struct message_rules *rules)
{
	if (options->output == OUTPUT_JSON)
		json_print(message_to_json(message, rules), stdout);
	else
		describe_alone(message, rules);
	return report_output(EXIT_DONE);
}

static int describe_as_service(const struct options *options, const struct service_methods *service)
{
	if (options->output == OUTPUT_JSON)
		json_print(service_to_json(service), stdout);
	else
		describe_service(service);
	return report_output(EXIT_DONE);
}

static int describe_known(const struct options *options, const struct catalog *catalog)
{
	const char *name = options->arguments[0];
	if (strchr(name, '/'))
		return describe_as_method(options, catalog, name);
	char fault[CATALOG_FAULT_SIZE], message_fault[CATALOG_FAULT_SIZE];
	const struct service_methods *service;
	const ProtobufCMessageDescriptor *message;
	const struct message_rules *rules;
	if (catalog_service(catalog, name, &service, fault))
		return describe_as_service(options, service);
	if (catalog_message(catalog, name, &message, &rules, message_fault))
		return describe_as_message(options, message, rules);
	bool near = strstr(message_fault, "did you mean");
	return report_usage("%s", near ? message_fault : fault);
}

int verb_describe(const struct options *options)
{
	struct known known;
	if (options->argument_count != 1)
		return report_usage("describe takes one name: of a service, method or message");
	int code = known_open(&known, options, options->arguments[0]);
	if (code == EXIT_DONE)
		code = describe_known(options, &known.catalog);
	known_close(&known);
	return code;
}
