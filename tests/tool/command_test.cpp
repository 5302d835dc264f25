#include "tool/command.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <sstream>
#include <streambuf>

#include "support/test_directory.hpp"
#include "tool/help.hpp"
#include "tool/tool_support.hpp"
#include "transport/security.hpp"

using namespace weft::net;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using texts = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

/// What the fakes were called with; each test case begins anew.
struct calls {
  std::string program;
  scheduler_settings scheduler;
  worker_settings worker;
  client_settings client;
  texts command;
  bool json = false;
  int status = 0;
} called;

int fake_scheduler(const scheduler_settings& s) {
  called.program = "scheduler";
  called.scheduler = s;
  return called.status;
}
int fake_nanny(const worker_settings& s, const texts& command) {
  called.program = "nanny";
  called.worker = s;
  called.command = command;
  return called.status;
}
int fake_program(const client_settings& s, const texts& command) {
  called.program = "program";
  called.client = s;
  called.command = command;
  return called.status;
}
int fake_info(const client_settings& s, bool json) {
  called.program = "info";
  called.client = s;
  called.json = json;
  return called.status;
}
int fake_retire(const client_settings& s, const texts& workers) {
  called.program = "retire";
  called.client = s;
  called.command = workers;
  return called.status;
}
int broken(const client_settings&, bool) { throw std::runtime_error("weft: the scheduler does not answer"); }

constexpr programs fakes = {fake_scheduler, fake_nanny, fake_program, fake_info, fake_retire};

struct said {
  int status;
  std::string out, err;
};
said say(const texts& arguments, std::map<std::string, std::string> environment = {}, const programs& run = fakes) {
  std::ostringstream out, err;
  called = {};
  surroundings around;
  around.environment = std::move(environment);
  around.out = &out;
  around.err = &err;
  around.version = "1.2.3";
  around.system_file = "/nowhere/weft.toml";
  const int status = command(arguments, around, run);
  return {status, out.str(), err.str()};
}

unsigned mode_of(const fs::path& file) {
  struct stat s{};
  REQUIRE(::stat(file.c_str(), &s) == 0);
  return s.st_mode & 0777u;
}

}  // namespace

TEST_CASE("help is what is written down", "[tool][help]") {
  const fs::path golden = fs::path(WEFT_ROOT) / "tests/tool/golden";
  CHECK(say({"--help"}).out == text_of(golden / "weft.txt"));
  CHECK(say({"-h"}).out == text_of(golden / "weft.txt"));
  CHECK(say({"help"}).out == text_of(golden / "weft.txt"));
  for (const subcommand& s : all_subcommands()) {
    const std::string name(s.name);
    CAPTURE(name);
    const said help = say({name, "--help"});
    CHECK(help.status == 0);
    CHECK(help.err.empty());
    CHECK(help.out == text_of(golden / (name + ".txt")));
    CHECK(say({"help", name}).out == help.out);
    CHECK(called.program.empty());
    std::istringstream lines(help.out);
    for (std::string line; std::getline(lines, line);) {
      CAPTURE(line);
      CHECK(line.size() <= 80);
    }
  }
  CHECK(say({"--version"}).out == "weft 1.2.3\n");
}

TEST_CASE("commands start programs with their settings", "[tool][command]") {
  CHECK(say({"scheduler", "--listen", "a:1", "--listen=b:2", "--idle-timeout", "5min", "--certificates", "/c"})
            .status == 0);
  CHECK(called.program == "scheduler");
  CHECK(called.scheduler.listen == texts{"a:1", "b:2"});
  CHECK(called.scheduler.idle_timeout == 5min);
  CHECK(called.scheduler.security.certificates == "/c");

  CHECK(say({"worker", "--threads", "3", "./prog", "--threads", "9", "--", "--help"}, {{"WEFT_WORKER_NAME", "w"}})
            .status == 0);
  CHECK(called.program == "nanny");
  CHECK(called.worker.threads == 3);
  CHECK(called.worker.name == "w");
  CHECK(called.command == texts{"./prog", "--threads", "9", "--", "--help"});
  say({"worker", "--", "--prog"});
  CHECK(called.command == texts{"--prog"});

  say({"run", "prog", "--cluster", "x"});
  CHECK(called.program == "program");
  CHECK(called.client.scheduler == "127.0.0.1:8786");
  CHECK(called.command == texts{"prog", "--cluster", "x"});
  say({"run", "--cluster", "c:1", "prog"}, {{"WEFT_CLUSTER", "d:1"}});
  CHECK(called.client.scheduler == "c:1");

  say({"info", "--json"}, {{"WEFT_CLUSTER", "d:1"}});
  CHECK(called.program == "info");
  CHECK(called.client.scheduler == "d:1");
  CHECK(called.json);
  say({"info"});
  CHECK(called.client.scheduler == "127.0.0.1:8786");
  CHECK_FALSE(called.json);

  say({"retire", "--cluster", "c:1", "node2-1", "tls://node3:2"});
  CHECK(called.program == "retire");
  CHECK(called.client.scheduler == "c:1");
  CHECK(called.command == texts{"node2-1", "tls://node3:2"});
}

TEST_CASE("wrong use is said on standard error", "[tool][command]") {
  struct row {
    texts arguments;
    const char* says;
  };
  const row rows[] = {
      {{}, "weft needs a command: weft --help lists them"},
      {{""}, "unknown command '': weft has scheduler, worker, run, certs, info, retire and config"},
      {{"shceduler"}, "unknown command 'shceduler': did you mean 'scheduler'?"},
      {{"dashboard"}, "unknown command 'dashboard': weft has scheduler, worker, run, certs, info, retire and config"},
      {{"--versoin"}, "unknown flag '--versoin': did you mean '--version'?"},
      {{"--listen", "a:1"},
       "unknown flag '--listen': flags of a command stand behind its name, as in weft scheduler --help"},
      {{"scheduler", "--lisen", "a:1"}, "unknown flag '--lisen': did you mean '--listen'?"},
      {{"scheduler", "--listen"}, "flag --listen needs a value: --listen ADDRESS"},
      {{"scheduler", "now"}, "weft scheduler has no use for 'now': weft scheduler [FLAG...]"},
      {{"scheduler", "a:1"},
       "weft scheduler has no use for 'a:1': addresses stand behind flags, see weft scheduler --help"},
      {{"scheduler", "--idle-timeout", "soon"},
       "flag --idle-timeout: scheduler.idle_timeout is 'soon': give it a duration with its unit, such as 250ms, 10s, "
       "5min or 1h"},
      {{"scheduler", "--config", "/nowhere/x"},
       "/nowhere/x: cannot be read (No such file or directory): give a file of settings"},
      {{"worker", "tcp://a:1"},
       "'tcp://a:1' is an address, and stands where the program does: weft worker --scheduler tcp://a:1 "
       "[PROGRAM [ARG...]]"},
      {{"worker", "a:8786", "./prog"},
       "'a:8786' is an address, and stands where the program does: weft worker --scheduler a:8786 [PROGRAM "
       "[ARG...]]"},
      {{"worker", "--cluster", "a:1", "p"}, "unknown flag '--cluster': here it is called '--scheduler'"},
      {{"run"}, "weft run needs a program: weft run [FLAG...] PROGRAM [ARG...]"},
      {{"run", "--scheduler", "a:1", "p"}, "unknown flag '--scheduler': here it is called '--cluster'"},
      {{"info", "x"}, "weft info has no use for 'x': weft info [FLAG...]"},
      {{"retire"}, "weft retire needs a WORKER...: weft retire [FLAG...] WORKER..."},
      {{"certs"}, "weft certs needs a DIRECTORY: weft certs [FLAG...] DIRECTORY"},
      {{"certs", "a", "b"}, "weft certs has no use for 'b': weft certs [FLAG...] DIRECTORY"},
      {{"certs", "a", "--days", "0"}, "flag --days is '0': give it a whole number from 1 to 3650"},
      {{"certs", "a", "--days", "4294967297"}, "flag --days is '4294967297': give it a whole number from 1 to 3650"},
      {{"certs", "a", "--role", "king"}, "flag --role is 'king': give it scheduler, worker, nanny or client"},
      {{"config", "--threads", "3"}, "unknown flag '--threads': --help lists those that there are"},
  };
  for (const row& r : rows) {
    CAPTURE(r.arguments);
    const said s = say(r.arguments);
    CHECK(s.err == "weft: " + std::string(r.says) + "\n");
    CHECK(s.status == 2);
    CHECK(s.out.empty());
    CHECK(called.program.empty());
  }
  CHECK(say({"scheduler"}, {{"WEFT_THREADS", "a"}, {"WEFT_MEMORY", "b"}}).err ==
        "weft: variable WEFT_THREADS: worker.threads is 'a': give it a whole number from 0 to 4096\n"
        "weft: variable WEFT_MEMORY: worker.memory_limit is 'b': give it a number of bytes, such as 1073741824, 512M "
        "or "
        "1.5G; K, M, G and T are powers of 1,024\n");
}

TEST_CASE("failures and what programs give are the exit status", "[tool][command]") {
  programs run = fakes;
  run.info = broken;
  const said s = say({"info"}, {}, run);
  CHECK(s.status == 1);
  CHECK(s.err == "weft: the scheduler does not answer\n");
  run.program = [](const client_settings&, const texts&) { return 7; };
  CHECK(say({"run", "p"}, {}, run).status == 7);

  struct full : std::streambuf {};  // takes nothing
  full nothing;
  std::ostream out(&nothing);
  std::ostringstream err;
  surroundings around;
  around.out = &out;
  around.err = &err;
  around.system_file = "/nowhere/weft.toml";
  CHECK(command(texts{"config"}, around, fakes) == 1);
  CHECK(err.str() == "weft: standard output cannot be written: is the disk full?\n");
}

TEST_CASE("the configuration is printed with its sources", "[tool][command]") {
  const test_directory dir;
  const std::string file = dir.write("w.toml", "[worker]\nthreads = 3\n");
  const said s = say({"config", "--config", file}, {{"WEFT_CLUSTER", "a:1"}});
  CHECK(s.status == 0);
  CHECK_THAT(s.out, Contains("threads = 3") && Contains("# " + file + ":2:11\n"));
  CHECK_THAT(s.out, Contains("scheduler = \"a:1\"") && Contains("# variable WEFT_CLUSTER\n"));
  CHECK_THAT(s.out, Contains("[security]\n") && Contains("# default\n"));
}

TEST_CASE("certificates are made, and loaded", "[tool][certs]") {
  const test_directory dir;
  const fs::path at = dir.path() / "new" / "certs";
  const texts arguments = {"certs",  at.string(), "--host", "node1", "--host=fd00::1",
                           "--days", "30",        "--name", "mine"};
  const said s = say(arguments);
  CAPTURE(s.err);
  REQUIRE(s.status == 0);
  CHECK_THAT(s.out, StartsWith("Wrote 10 files to " + at.string() + ", good for 30 days.\n"));
  CHECK_THAT(s.out, Contains("the scheduler's machine:  ca.pem, scheduler.pem and scheduler-key.pem\n"));
  CHECK_THAT(s.out, Contains("  weft scheduler --certificates " + at.string() + " --listen 0.0.0.0:8786\n"));
  CHECK_THAT(s.out, Contains("  weft worker --certificates " + at.string() + " --scheduler node1:8786 ./program\n"));
  CHECK(mode_of(at) == 0700);
  for (const char* name : {"ca", "client", "worker", "scheduler", "nanny"}) {
    CAPTURE(name);
    CHECK(mode_of(at / (std::string(name) + ".pem")) == 0644);
    CHECK(mode_of(at / (std::string(name) + "-key.pem")) == 0600);
  }
  for (const auto role : {peer_role::client, peer_role::worker, peer_role::scheduler, peer_role::nanny})
    CHECK(security::from_directory(at, role).has_identity());

  const std::string authority = text_of(at / "ca.pem"), worker = text_of(at / "worker.pem");
  SECTION("they are not overwritten") {
    const said again = say({"certs", at.string()});
    CHECK(again.status == 2);
    CHECK_THAT(again.err,
               Contains("has scheduler.pem, scheduler-key.pem, ") && Contains("already: --force replaces"));
    CHECK(text_of(at / "worker.pem") == worker);
  }
  SECTION("unless by force, by the same authority") {
    const said again = say({"certs", at.string(), "--force", "--role", "worker"});
    CHECK(again.status == 0);
    CHECK_THAT(again.out, StartsWith("Wrote 2 files to ") && Contains("signed by the authority that was there"));
    CHECK(text_of(at / "ca.pem") == authority);
    CHECK(text_of(at / "worker.pem") != worker);
    CHECK(security::from_directory(at, peer_role::worker).has_identity());
  }
  SECTION("an authority keeps its name") {
    CHECK_THAT(say({"certs", at.string(), "--force", "--name", "other"}).err, Contains("leave --name out"));
  }
  SECTION("half an authority is none") {
    fs::remove(at / "ca-key.pem");
    const said again = say({"certs", at.string(), "--force"});
    CHECK(again.status == 2);
    CHECK_THAT(again.err, Contains("has ca.pem without ca-key.pem"));
    CHECK(text_of(at / "worker.pem") == worker);
  }
  SECTION("a broken authority is a failure") {
    dir.write("new/certs/ca-key.pem", "nonsense");
    const said again = say({"certs", at.string(), "--force"});
    CHECK(again.status == 1);
    CHECK_THAT(again.err, StartsWith("weft: ") && Contains("holds no key"));
  }
}

TEST_CASE("certificates of one role, and of bad hosts", "[tool][certs]") {
  const test_directory dir;
  const fs::path at = dir.path() / "it's here";
  const said one = say({"certs", at.string(), "--role", "client", "--role=client", "--no-programs", "--days=1"});
  CHECK(one.status == 0);
  CHECK_THAT(one.out, StartsWith("Wrote 4 files to ") && Contains("good for 1 day.\n") && !Contains("worker.pem") &&
                          Contains("it'\\''s here'"));
  CHECK(fs::exists(at / "client.pem"));
  CHECK_FALSE(fs::exists(at / "worker.pem"));
  CHECK(say({"certs", at.string(), "--role", "worker"}).status == 0);  // nothing is replaced
  CHECK(security::from_directory(at, peer_role::worker).has_identity());

  const fs::path nothing = dir.path() / "nothing";
  const said bad = say({"certs", nothing.string(), "--host", "a,URI:weft://role/scheduler"});
  CHECK(bad.status == 1);
  CHECK_THAT(bad.err, Contains("host 'a,URI"));
  CHECK_FALSE(fs::exists(nothing));
  const std::string file = dir.write("file", "");
  CHECK(say({"certs", file}).err ==
        "weft: " + file + " is a file: give a directory, which is made if it is not there\n");
}
