// The peer of `script/bench story`: gRPC C++ with GetStory as it is usually written: the synchronous interface, whose threads take
// one of a few blocking libpq connections. It asks the same statement, and looks at no key.
//
// grpc_story_peer CONNINFO FILE-WITH-THE-STATEMENT CONNECTIONS
#include "prism/v1/story.grpc.pb.h"

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <grpcpp/grpcpp.h>
#include <libpq-fe.h>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

using prism::v1::GetStoryRequest;
using prism::v1::Story;
using prism::v1::StoryService;

namespace {

class Connections {
      public:
	Connections(const char *conninfo, const std::string &statement, int count)
	{
		for (int i = 0; i < count; i++) {
			PGconn *connection = PQconnectdb(conninfo);
			PGresult *prepared =
				PQprepare(connection, "get", statement.c_str(), 0, nullptr);
			if (PQresultStatus(prepared) != PGRES_COMMAND_OK) {
				std::fprintf(stderr, "grpc_story_peer: %s\n",
				             PQerrorMessage(connection));
				std::exit(1);
			}
			PQclear(prepared);
			free_.push_back(connection);
		}
	}

	PGconn *Take()
	{
		std::unique_lock<std::mutex> lock(mutex_);
		released_.wait(lock, [this] { return !free_.empty(); });
		PGconn *connection = free_.back();
		free_.pop_back();
		return connection;
	}

	void Give(PGconn *connection)
	{
		std::lock_guard<std::mutex> lock(mutex_);
		free_.push_back(connection);
		released_.notify_one();
	}

      private:
	std::mutex mutex_;
	std::condition_variable released_;
	std::vector<PGconn *> free_;
};

class Row {
      public:
	explicit Row(PGresult *result) : result_(result) {}

	bool Has(const char *name) const
	{
		return PQntuples(result_) == 1 && !PQgetisnull(result_, 0, Column(name));
	}
	const char *Text(const char *name) const { return PQgetvalue(result_, 0, Column(name)); }
	long long Number(const char *name) const { return std::atoll(Text(name)); }

	// "2026-11-28 15:01:56.37737+00"; the session's time zone is UTC.
	void Time(const char *name, google::protobuf::Timestamp *time) const
	{
		struct tm parts = {};
		const char *rest = strptime(Text(name), "%Y-%m-%d %H:%M:%S", &parts);
		time->set_seconds(timegm(&parts));
		if (rest && *rest == '.')
			time->set_nanos(static_cast<int>(std::strtod(rest, nullptr) * 1e9));
	}

      private:
	int Column(const char *name) const { return PQfnumber(result_, name); }
	PGresult *result_;
};

void Fill(const Row &row, int64_t organization, Story *story)
{
	static const std::map<std::string, prism::v1::StoryStatus> statuses = {
		{"todo", prism::v1::STORY_STATUS_TODO},
		{"in_progress", prism::v1::STORY_STATUS_IN_PROGRESS},
		{"done", prism::v1::STORY_STATUS_DONE}};
	static const std::map<std::string, prism::v1::StoryPriority> priorities = {
		{"low", prism::v1::STORY_PRIORITY_LOW},
		{"medium", prism::v1::STORY_PRIORITY_MEDIUM},
		{"high", prism::v1::STORY_PRIORITY_HIGH}};
	story->set_id(row.Number("id"));
	story->set_organization_id(organization);
	story->set_project_id(row.Number("project_id"));
	story->set_key(std::string(row.Text("project_key")) + "-" + row.Text("number"));
	story->set_number(row.Number("number"));
	story->set_title(row.Text("title"));
	story->set_description(row.Text("description"));
	story->set_acceptance_criteria(row.Text("acceptance_criteria"));
	story->set_status(statuses.at(row.Text("status")));
	story->set_priority(priorities.at(row.Text("priority")));
	if (row.Has("story_points"))
		story->set_story_points(static_cast<int>(row.Number("story_points")));
	if (row.Has("epic_id"))
		story->set_epic_id(row.Number("epic_id"));
	if (row.Has("sprint_id"))
		story->set_sprint_id(row.Number("sprint_id"));
	if (row.Has("assignee_id"))
		story->set_assignee_id(row.Text("assignee_id"));
	if (row.Has("creator_id"))
		story->set_creator_id(row.Text("creator_id"));
	story->set_rank(row.Number("story_rank"));
	story->set_version(static_cast<int>(row.Number("version")));
	row.Time("created_at", story->mutable_created_at());
	row.Time("updated_at", story->mutable_updated_at());
	if (row.Has("started_at"))
		row.Time("started_at", story->mutable_started_at());
	if (row.Has("completed_at"))
		row.Time("completed_at", story->mutable_completed_at());
	story->set_external_source(row.Text("external_source"));
	story->set_external_id(row.Text("external_id"));
}

class Service final : public StoryService::Service {
      public:
	explicit Service(Connections *connections) : connections_(connections) {}

	grpc::Status GetStory(grpc::ServerContext *context, const GetStoryRequest *request,
	                      Story *story) override
	{
		const auto actor = context->client_metadata().find("x-prism-actor");
		if (actor == context->client_metadata().end())
			return {grpc::StatusCode::UNAUTHENTICATED, "no actor"};
		const std::string organization = std::to_string(request->organization_id()),
				  id = std::to_string(request->id()),
				  who(actor->second.data(), actor->second.length());
		const char *const values[] = {organization.c_str(), who.c_str(), "1", "false",
		                              id.c_str()};
		PGconn *connection = connections_->Take();
		PGresult *result = PQexecPrepared(connection, "get", 5, values, nullptr, nullptr, 0);
		connections_->Give(connection);
		grpc::Status status = grpc::Status::OK;
		const Row row(result);
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			status = {grpc::StatusCode::INTERNAL, PQresultErrorMessage(result)};
		else if (!row.Has("id"))
			status = {grpc::StatusCode::NOT_FOUND, "no such story"};
		else
			Fill(row, request->organization_id(), story);
		PQclear(result);
		return status;
	}

      private:
	Connections *connections_;
};

} // namespace

int main(int argc, char **argv)
{
	if (argc != 4) {
		std::fprintf(stderr, "grpc_story_peer CONNINFO FILE CONNECTIONS\n");
		return 2;
	}
	std::stringstream statement;
	statement << std::ifstream(argv[2]).rdbuf();
	setenv("PGTZ", "UTC", 1);
	Connections connections(argv[1], statement.str(), std::atoi(argv[3]));
	Service service(&connections);
	grpc::ServerBuilder builder;
	int port = 0;
	builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
	builder.RegisterService(&service);
	auto server = builder.BuildAndStart();
	if (!server || port == 0) {
		std::fprintf(stderr, "grpc_story_peer: cannot listen\n");
		return 1;
	}
	std::printf("grpc_story_peer is ready on 127.0.0.1:%d\n", port);
	std::fflush(stdout);
	server->Wait();
	return 0;
}
