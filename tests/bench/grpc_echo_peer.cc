// The peer of `script/bench grpc`: gRPC C++ with the Echo of tests/talk/echo.proto, by its asynchronous interface: one completion
// queue, one thread, as many waiting calls as the load keeps in flight.
#include "echo.grpc.pb.h"

#include <cstdio>
#include <grpcpp/grpcpp.h>
#include <memory>

using prism::test::v1::EchoMessage;
using prism::test::v1::EchoService;

namespace {

constexpr int kWaiting = 512;

class Call {
      public:
	Call(EchoService::AsyncService *service, grpc::ServerCompletionQueue *queue)
	    : service_(service), queue_(queue)
	{
		Wait();
	}

	// The queue says that what was started has ended.
	void Proceed(bool good)
	{
		if (answered_ || !good) {
			Wait();
			return;
		}
		answered_ = true;
		response_.set_data(request_.data());
		writer_->Finish(response_, grpc::Status::OK, this);
	}

      private:
	void Wait()
	{
		answered_ = false;
		writer_.reset();
		context_ = std::make_unique<grpc::ServerContext>();
		writer_ = std::make_unique<grpc::ServerAsyncResponseWriter<EchoMessage>>(
			context_.get());
		service_->RequestEcho(context_.get(), &request_, writer_.get(), queue_, queue_,
		                      this);
	}

	EchoService::AsyncService *service_;
	grpc::ServerCompletionQueue *queue_;
	bool answered_ = false;
	EchoMessage request_, response_;
	std::unique_ptr<grpc::ServerContext> context_;
	std::unique_ptr<grpc::ServerAsyncResponseWriter<EchoMessage>> writer_;
};

} // namespace

int main()
{
	EchoService::AsyncService service;
	grpc::ServerBuilder builder;
	int port = 0;
	builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
	builder.RegisterService(&service);
	auto queue = builder.AddCompletionQueue();
	auto server = builder.BuildAndStart();
	if (!server || port == 0) {
		std::fprintf(stderr, "grpc_echo_peer: cannot listen\n");
		return 1;
	}
	for (int i = 0; i < kWaiting; i++)
		new Call(&service, queue.get()); // until the process ends
	std::printf("grpc_echo_peer is ready on 127.0.0.1:%d\n", port);
	std::fflush(stdout);
	void *call;
	bool good;
	while (queue->Next(&call, &good))
		static_cast<Call *>(call)->Proceed(good);
	return 0;
}
