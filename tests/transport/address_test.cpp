#include "transport/address.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace weft::net;

namespace {

std::string refusal(const std::string& text) {
  try {
    static_cast<void>(parse_address(text));
  } catch (const bad_address& e) { return e.what(); }
  return {};
}

}  // namespace

TEST_CASE("an address is read and written", "[transport][address]") {
  for (const char* text : {"tcp://node7:8786", "tls://10.0.0.7:0", "tcp://[::1]:65535", "tls://[fd00::7%eth0]:1",
                           "unix:/run/weft.sock", "unix:@weft", "inproc://cluster-1"}) {
    CAPTURE(text);
    CHECK(to_string(parse_address(text)) == text);
  }
  const address six = parse_address("tcp://[::1]:80");
  CHECK(six.host == "::1");
  CHECK(six.port == 80);
  CHECK(to_string(parse_address("unix:///tmp/s")) == "unix:/tmp/s");
}

TEST_CASE("a bare address is what the caller prefers", "[transport][address]") {
  CHECK(parse_address("node7:1").kind == address_kind::tcp);
  CHECK(parse_address("node7:1", address_kind::tls).kind == address_kind::tls);
  CHECK(parse_address("[::1]:1", address_kind::tls).host == "::1");
}

TEST_CASE("what is no address is refused by its text and what is right", "[transport][address]") {
  using Catch::Matchers::Contains;
  CHECK_THAT(refusal(""), Contains("empty") && Contains("inproc://name"));
  CHECK_THAT(refusal("http://a:1"), Contains("'http://a:1'") && Contains("unknown") && Contains("tls://host:port"));
  CHECK_THAT(refusal("tcp://node7"), Contains("no port"));
  CHECK_THAT(refusal("tcp://:80"), Contains("no host"));
  CHECK_THAT(refusal("tcp://::1:80"), Contains("without brackets"));
  CHECK_THAT(refusal("tcp://[::1:80"), Contains("close"));
  CHECK_THAT(refusal("tcp://[::1]"), Contains("no port"));
  CHECK_THAT(refusal("tcp://[::1]80"), Contains("between"));
  CHECK_THAT(refusal("tcp://[node7]:80"), Contains("no IPv6"));
  CHECK_THAT(refusal("tcp://a b:80"), Contains("no name"));
  CHECK_THAT(refusal("tcp://a/b:80"), Contains("no name"));
  for (const char* port : {"", "65536", "-1", "8o", "+8", "99999999999999999999"}) {
    CAPTURE(port);
    CHECK_THAT(refusal(std::string("tcp://a:") + port), Contains("from 0 to 65535"));
  }
  CHECK_THAT(refusal("unix:"), Contains("no path"));
  CHECK_THAT(refusal("unix:weft.sock"), Contains("no path"));
  CHECK_THAT(refusal("unix:/" + std::string(200, 'x')), Contains("too long"));
  CHECK_THAT(refusal("inproc://"), Contains("no name"));
  CHECK_THAT(refusal("inproc://a b"), Contains("no name"));
  CHECK(refusal("tcp://" + std::string(10'000, 'x')).size() < 500);
}
