# gRPC's own interoperability server, which Debian's ruby-grpc carries, on a free port of loopback, which it prints.
require 'grpc'

module FreePort
  def add_http2_port(_host, credentials)
    port = super('127.0.0.1:0', credentials)
    puts "official ready 127.0.0.1:#{port}"
    $stdout.flush
    port
  end
end
GRPC::RpcServer.prepend(FreePort)

trap('TERM') { exit!(0) }
ARGV.replace(['--port', '0'])
require File.join(Gem::Specification.find_by_name('grpc').full_gem_path, 'src/ruby/pb/test/server.rb')
