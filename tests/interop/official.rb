# Runs cases of gRPC's own interoperability client, which Debian's ruby-grpc carries, in one process.
#
#   ruby official.rb PORT CASE...
client = File.join(Gem::Specification.find_by_name('grpc').full_gem_path, 'src/ruby/pb/test/client.rb')
require client

failed = 0
port, *cases = ARGV
cases.each do |name|
  options = Args.new
  options.server_host = '127.0.0.1'
  options.server_port = port
  options.server_host_override = ''
  options.test_case = name
  begin
    NamedTests.new(create_stub(options), options).method(name).call
    puts "ok #{name}"
  rescue StandardError => e
    failed += 1
    puts "not ok #{name}: #{e.class}: #{e.message}"
  end
end
exit(failed.zero? ? 0 : 1)
