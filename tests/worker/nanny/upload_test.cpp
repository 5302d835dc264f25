// Programs that travel: a scheduler here, nannies and clients as processes.
#include <set>

#include "transport/certificates.hpp"
#include "worker/nanny/support.hpp"

using namespace nanny_test;

namespace {

/// `weft worker` without a program.
std::vector<std::string> nanny_command(const scheduler& s, const std::string& cache,
                                       std::vector<std::string> flags = {}) {
  std::vector<std::string> all = {WEFT_COMMAND, "worker",    "--scheduler", s.address,           "--program-cache",
                                  cache,        "--threads", "1",           "--spill-directory", cache + "-spill"};
  all.insert(all.end(), flags.begin(), flags.end());
  return all;
}
std::vector<std::string> client_command(const scheduler& s, std::vector<std::string> arguments,
                                        const std::string& program = PROGRAM) {
  std::vector<std::string> all = {program, "--cluster", s.address};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::set<std::string> names_in(const test_directory& d) {
  std::set<std::string> names;
  for (const auto& e : std::filesystem::directory_iterator(d.path())) names.insert(e.path().filename().string());
  return names;
}

constexpr const char* result = "total 500 twice 4";

}  // namespace

TEST_CASE("a program travels to a worker that has none, once") {
  const test_directory d;
  scheduler s;
  process nanny(d, nanny_command(s, d / "cache"));
  process first(d, client_command(s, {"sum"}));
  CHECK(first.end() == 0);
  CHECK(first.says(result));
  const std::uint64_t sent = s.server->program_bytes();
  CHECK(sent >= std::filesystem::file_size(PROGRAM));
  process second(d, client_command(s, {"sum"}));
  CHECK(second.end() == 0);
  CHECK(second.says(result));
  CHECK(s.server->program_bytes() == sent);

  SECTION("another nanny with the same cache needs nothing") {
    nanny.signal(SIGTERM);
    CHECK(nanny.end() == 0);
    process again(d, nanny_command(s, d / "cache"));
    process third(d, client_command(s, {"sum"}));
    CHECK(third.end() == 0);
    CHECK(s.server->program_bytes() == sent);
  }
  SECTION("a nanny that comes later gets it from a client that is there") {
    nanny.signal(SIGTERM);
    CHECK(nanny.end() == 0);
    process waits(d, client_command(s, {"sum"}));
    CHECK(comes([&] { return s.server->statistics().clients == 1; }));
    process later(d, nanny_command(s, d / "other"));
    CHECK(waits.end() == 0);
    CHECK(waits.says(result));
    CHECK(s.server->program_bytes() == 2 * sent);
  }
  SECTION("the nanny ends in order by Ctrl-C, and its worker with it") {
    process who(d, client_command(s, {"who"}));
    CHECK(who.end() == 0);
    const int worker = who.number_after("worker ");
    REQUIRE(worker > 0);
    CHECK(runs(worker));
    const std::string json = describe(s.server->look(), true), table = describe(s.server->look(), false);
    CHECK_THAT(json, Catch::Contains("\"worker\":\"started\",\"process\":" + std::to_string(worker) + "}"));
    CHECK_THAT(table, Catch::Contains(" process " + std::to_string(worker) + "\n"));
    nanny.signal(SIGINT);
    CHECK(nanny.end() == 0);
    CHECK_FALSE(runs(worker));
    CHECK(nanny.says("weft worker: interrupted"));
  }
  SECTION("a nanny that is killed takes its worker along") {
    process who(d, client_command(s, {"who"}));
    CHECK(who.end() == 0);
    const int worker = who.number_after("worker ");
    REQUIRE(worker > 0);
    nanny.signal(SIGKILL);
    CHECK(nanny.end() == 137);
    CHECK(comes([&] { return s.server->statistics().workers == 0; }));
  }
}

TEST_CASE("who still looks for the scheduler ends when it is asked") {
  const test_directory d;
  const std::string nowhere = "unix:" + (d / "nobody");
  const int signal = GENERATE(SIGINT, SIGTERM);
  std::vector<std::string> command;
  std::string who;
  SECTION("a nanny of any programs") {
    command = {WEFT_COMMAND,      "worker",    "--scheduler",     nowhere,
               "--program-cache", d / "cache", "--death-timeout", "1h"};
    who = "weft nanny: ";
  }
  SECTION("a worker") {
    command = {PROGRAM, "--worker", nowhere, "--death-timeout", "1h"};
    who = "weft worker: ";
  }
  process looks(d, command);
  REQUIRE(comes([&] { return catches(looks.id(), signal); }));
  looks.signal(signal);
  CHECK(looks.end() == 0);
  CHECK(looks.says(who + (signal == SIGINT ? "interrupted" : "asked to end")));
}

TEST_CASE("a program's libraries are found before those that the nanny's environment leads to") {
  const test_directory d;
  scheduler s;
  process nanny(d, nanny_command(s, d / "cache"), {"LD_LIBRARY_PATH=" + (d / "libraries")});
  process client(d, client_command(s, {"variable", "LD_LIBRARY_PATH"}));
  CHECK(client.end() == 0);
  INFO(client.says());
  CHECK_THAT(client.says(),
             Catch::Contains("LD_LIBRARY_PATH=" + (d / "cache")) && Catch::Contains(":" + (d / "libraries") + "\n"));
}

TEST_CASE("the workers of a program's local cluster have the settings of workers") {
  const test_directory d;
  process client(d, {PROGRAM, "--local-cluster=1", "--threads", "3", "command"},
                 {"WEFT_MEMORY=512M", "WEFT_WORKER_RESOURCES=gpu=1", "WEFT_SPILL=" + (d / "spill"),
                  "WEFT_WORKER_SPILL_CAPACITY=1G", "WEFT_WORKER_NICE=6"});
  CHECK(client.end() == 0);
  INFO(client.says());
  for (const std::string& flag :
       {std::string("--threads=3"), std::string("--memory-limit=512M"), std::string("--resources=gpu=1"),
        "--spill-directory=" + (d / "spill"), std::string("--spill-capacity=1G"), std::string("--nice=6")})
    CHECK(client.says(" " + flag + " "));
}

TEST_CASE("the command runs it all") {
  const test_directory d;
  process scheduler_process(d,
                            {WEFT_COMMAND, "scheduler", "--listen", "127.0.0.1:0", "--address-file", d / "address"});
  REQUIRE(comes([&] { return content(d / "address").find('\n') != std::string::npos; }));
  CHECK(names_in(d).count("address") == 1);
  CHECK(names_in(d).size() == 2);  // and what the scheduler says
  std::string address = content(d / "address");
  address.pop_back();
  process nanny(d,
                {WEFT_COMMAND, "worker", "--scheduler", address, "--program-cache", d / "cache", "--threads", "1"});
  process run(d, {WEFT_COMMAND, "run", "--cluster", address, PROGRAM, "sum"});
  CHECK(run.end() == 0);
  CHECK(run.says(result));
  scheduler_process.signal(SIGTERM);
  CHECK(scheduler_process.end() == 0);
  CHECK(nanny.end() == 0);  // the scheduler has told it
}

TEST_CASE("two programs run at the same time") {
  const test_directory d;
  scheduler s;
  process nanny(d, nanny_command(s, d / "cache"));
  process one(d, client_command(s, {"hold", d / "go"}));
  process other(d, client_command(s, {"hold", d / "go"}, OTHER_PROGRAM));
  CHECK(one.comes_to_say("worker "));
  CHECK(other.comes_to_say("worker "));
  CHECK(one.number_after("worker ") != other.number_after("worker "));
  CHECK(s.server->statistics().workers == 2);
  std::ofstream(d / "go") << "go";
  CHECK(one.end() == 0);
  CHECK(other.end() == 0);
}

TEST_CASE("with one place a program makes room for the next when its clients are gone") {
  const test_directory d;
  scheduler s;
  process nanny(d, nanny_command(s, d / "cache", {"--programs", "1"}));
  process one(d, client_command(s, {"hold", d / "go"}));
  CHECK(one.comes_to_say("worker "));
  process other(d, client_command(s, {"sum"}, OTHER_PROGRAM));
  CHECK(comes([&] { return s.server->statistics().clients == 2; }));
  CHECK(other.runs());
  std::ofstream(d / "go") << "go";
  CHECK(one.end() == 0);
  CHECK(other.end() == 0);
  CHECK(other.says(result));
}

TEST_CASE("a worker without clients ends") {
  const test_directory d;
  scheduler s;
  process nanny(d, nanny_command(s, d / "cache", {"--program-idle", "10ms"}));
  process one(d, client_command(s, {"sum"}));
  CHECK(one.end() == 0);
  CHECK(comes([&] { return s.server->statistics().workers == 0; }));
  process two(d, client_command(s, {"sum"}));
  CHECK(two.end() == 0);
}

TEST_CASE("a worker that is killed, or takes too much, is started again, and the task is done") {
  const test_directory d;
  scheduler s;
  const std::string how = GENERATE("die", "eat");
  process nanny(d, nanny_command(s, d / "cache", {"--memory-limit", "512M"}));
  process one(d, client_command(s, {how, d / "once"}));
  CHECK(one.end() == 0);
  const int second = one.number_after("worker ");
  CHECK(second > 0);
  CHECK(second != std::atoi(content(d / "once").c_str()));
  CHECK(nanny.says("is started again"));
}

TEST_CASE("a task that kills its workers fails, and not their program") {
  const test_directory d;
  scheduler s;
  process nanny(d, nanny_command(s, d / "cache"));
  process kills(d, client_command(s, {"kill"}));
  CHECK(kills.end() == 0);
  INFO(kills.says());
  CHECK(kills.says("failed: "));
  CHECK_FALSE(kills.says("no worker runs this program"));
  process next(d, client_command(s, {"sum"}));
  CHECK(next.end() == 0);
  CHECK(next.says(result));
}

TEST_CASE("what may not, or cannot, be sent is said to the client") {
  const test_directory d;
  weft::net::server_options o;
  std::vector<std::string> flags, client_flags;
  std::string expected;
  SECTION("no right") {
    weft::net::certificates_options c;
    c.client_programs = false;
    weft::net::write_certificates(d / "certs", c);
    o.who = weft::net::security::from_directory(d / "certs", weft::net::peer_role::scheduler);
    flags = client_flags = {"--certificates", d / "certs"};
    expected = "right `programs`";
  }
  SECTION("too large for the scheduler") {
    o.programs.bytes = 1000;
    expected = "too large";
  }
  SECTION("too large for the nanny") {
    flags = {"--program-limit", "1K"};
    expected = "worker.program_limit";
  }
  SECTION("larger than the cache") {
    flags = {"--program-cache-limit", "1K"};
    expected = "worker.program_cache_limit";
  }
  scheduler s(std::move(o));
  process nanny(d, nanny_command(s, d / "cache", flags));
  std::vector<std::string> arguments = {"sum"};
  arguments.insert(arguments.end(), client_flags.begin(), client_flags.end());
  process client(d, client_command(s, arguments));
  CHECK(client.end() == 1);
  INFO(client.says());
  CHECK(client.says(expected));
  CHECK(client.says("no worker runs this program"));
  CHECK(s.server->program_bytes() == 0);
}

TEST_CASE("with certificates that grant it a program travels") {
  const test_directory d;
  weft::net::write_certificates(d / "certs", {});
  weft::net::server_options o;
  o.who = weft::net::security::from_directory(d / "certs", weft::net::peer_role::scheduler);
  scheduler s(std::move(o));
  process nanny(d, nanny_command(s, d / "cache", {"--certificates", d / "certs"}));
  process client(d, client_command(s, {"sum", "--certificates", d / "certs"}));
  CHECK(client.end() == 0);
  CHECK(client.says(result));
}
