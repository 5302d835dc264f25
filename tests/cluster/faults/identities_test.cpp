// Who may come to a scheduler, at the level of processes: certificates that are missing, of another authority,
// expired, or of another role, and addresses that others can reach.
#include <catch2/catch.hpp>

#include "cluster/faults/processes.hpp"
#include "env/process.hpp"
#include "transport/link.hpp"
#include "weft/pool.hpp"

namespace {

using namespace faults;
using namespace weft::net;
using Catch::Contains;

/// What a command says, and its status, which is not 0.
std::string refused_command(words command) {
  const test_directory here;
  child_process p = child_process::start(
      {.command = std::move(command), .environment = {}, .output = here / "said", .with_terminal = false});
  wait_until("its end", [&] { return p.status().has_value(); }, here / "said");
  CHECK(p.wait() == 1);
  return read_file(here / "said");
}

words info_of(const std::string& address, words flags = {}) {
  words command = {WEFT_COMMAND, "info", "--connect-timeout=5s", "--cluster=" + address};
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

class quiet final : public link_handler {
 public:
  void received(peer_link&, std::span<const std::byte>) override {}
  void ended(peer_link&, const std::string&, bool) override {}
};

/// Says hello as a client, with some identity. What the scheduler answers; empty when it lets us in.
std::string greet(const std::string& address, security who) {
  weft::pool p({.threads = 1});
  greeting own;
  own.role = peer_role::client;
  own.name = "greeter";
  own.incarnation = 1;
  link_options o;
  o.try_for = std::chrono::seconds(5);
  try {
    const auto l =
        p.run(peer_link::dial(p, parse_address(address), std::move(who), own, o, std::make_shared<quiet>()));
    l->close(bye_code::finished, "that was all");
  } catch (const std::exception& e) { return e.what(); }
  return {};
}

std::string scheduler_port(const cluster& c) { return c.address().substr(c.address().rfind(':')); }

}  // namespace

TEST_CASE("a scheduler with TLS lets in only whom its authority vouches for", "[faults]") {
  cluster c({}, true);
  child_process worker = c.start_worker("w");
  CHECK(c.address().starts_with("tls://127.0.0.1:"));

  SECTION("nothing to show") {
    CHECK_THAT(refused_command(info_of(c.address())), Contains("weft info: ") && Contains("certificate"));
  }
  SECTION("plain TCP") {
    CHECK_THAT(refused_command(info_of("tcp://127.0.0.1" + scheduler_port(c))), Contains("weft info: "));
  }
  SECTION("another authority") {
    const test_directory other;
    REQUIRE(weft::detail::output_of({WEFT_COMMAND, "certs", other / "certs"}, ""));
    CHECK_THAT(refused_command(info_of(c.address(), {"--certificates=" + (other / "certs")})),
               Contains("authority") || Contains("certificate"));
  }
  SECTION("expired") {
    const auto authority = certificate_authority::from_pem(read_pem(c.certificates() + "/ca.pem"),
                                                           read_pem(c.certificates() + "/ca-key.pem"));
    certificate_options old;
    old.role = peer_role::client;
    old.days = 0;
    CHECK_THAT(greet(c.address(), security::from_credentials(authority.issue(old))), Contains("expired"));
  }
  SECTION("another role") {
    const std::string why = greet(c.address(), security::from_directory(c.certificates(), peer_role::worker));
    CHECK_THAT(why, Contains("refuses us") && Contains("is that of a worker") && Contains("that of a client"));
  }
  SECTION("the right one") {
    CHECK(greet(c.address(), security::from_directory(c.certificates(), peer_role::client)).empty());
  }

  child_process client = c.start_client("client", {"graph", "10", "1000", "1"});
  CHECK(c.status_of(client, "client") == 0);
  CHECK(c.said("client") == "right\n");
}

TEST_CASE("plain TCP to where others can reach it is refused, and the flag named", "[faults]") {
  CHECK_THAT(refused_command({WEFT_COMMAND, "scheduler", "--listen=0.0.0.0:0"}),
             Contains("weft scheduler: ") && Contains("--insecure") && Contains("weft certs"));
  CHECK_THAT(refused_command(info_of("192.0.2.1:80")), Contains("--insecure"));
  CHECK_THAT(refused_command({WEFT_PROGRAM, "--worker=192.0.2.1:80"}), Contains("--insecure"));
  CHECK_THAT(refused_command({WEFT_PROGRAM, "graph", "1", "1", "1", "--cluster=192.0.2.1:80"}),
             Contains("--insecure"));
}
