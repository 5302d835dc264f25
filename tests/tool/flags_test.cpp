#include "tool/flags.hpp"

#include <catch2/catch.hpp>

#include "tool/program_flags.hpp"
#include "tool/tool_support.hpp"

using namespace weft::net;
using namespace std::chrono_literals;
using texts = std::vector<std::string>;

namespace {

std::vector<flag> some_flags() {
  return {flag_of(setting_of("scheduler.listen")), flag_of(setting_of("scheduler.idle_timeout")),
          flag_of(setting_of("client.scheduler")), flag_of(setting_of("security.insecure")),
          flag{"--json", "", "prints JSON"}};
}

/// main's arguments, which a program may change.
class arguments_of_main {
 public:
  explicit arguments_of_main(texts words) : words_(std::move(words)) {
    for (std::string& w : words_) pointers_.push_back(w.data());
  }
  std::span<char*> get() { return pointers_; }

 private:
  texts words_;
  std::vector<char*> pointers_;
};

struct parsed {
  program_flags flags;
  texts rest;
};
parsed parse(texts words) {
  words.insert(words.begin(), "prog");
  arguments_of_main arguments(std::move(words));
  parsed p;
  p.flags = parse_program_flags(arguments.get());
  REQUIRE(!p.flags.rest.empty());
  REQUIRE(p.flags.rest[0] == arguments.get()[0]);
  p.rest.assign(p.flags.rest.begin() + 1, p.flags.rest.end());
  return p;
}
configuration applied(const program_flags& flags, std::map<std::string, std::string> environment = {}) {
  configuration_places places;
  places.system_file = "/nowhere/weft.toml";
  places.environment = std::move(environment);
  configuration c = configuration::load(places);
  flags.apply(c);
  return c;
}

}  // namespace

TEST_CASE("flags are read with their values", "[tool][flags]") {
  const auto flags = some_flags();
  const texts arguments = {"a", "--listen",       "x:1", "--listen=y:2", "--json",
                           "b", "--idle-timeout", "-1",  "--",           "--json"};
  const flags_read read = read_flags(flags, arguments, after_first::flags);
  CHECK(read.rest == texts{"a", "b", "--json"});
  CHECK(read.values("--listen") == texts{"x:1", "y:2"});
  CHECK(read.value("--idle-timeout", "") == "-1");
  CHECK(read.value("--cluster", "none") == "none");
  CHECK(read.has("--json"));
  CHECK_FALSE(read.has("--insecure"));

  const flags_read up_to_first = read_flags(flags, texts{"--json", "prog", "--json", "--", "--x"}, after_first::rest);
  CHECK(up_to_first.rest == texts{"prog", "--json", "--", "--x"});
  CHECK(read_flags(flags, texts{"--listen", "a:1", "--", "prog", "--"}, after_first::rest).rest ==
        texts{"prog", "--"});
  CHECK(read_flags(flags, texts{"--cluster=", "prog"}, after_first::rest).rest == texts{"prog"});
  CHECK(read_flags(flags, texts{"-"}, after_first::flags).rest == texts{"-"});
  CHECK(read_flags(flags, texts{""}, after_first::flags).rest == texts{""});
}

TEST_CASE("flags become settings, the last of several counts", "[tool][flags]") {
  const auto flags = some_flags();
  configuration c = configuration::load({"/nowhere/weft.toml", {}, {}});
  assign(c, read_flags(flags,
                       texts{"--insecure", "--idle-timeout=1s", "--listen=[::1]:0", "--no-insecure", "--listen=b:2",
                             "--insecure", "--idle-timeout", "2s"},
                       after_first::flags)
                .given);
  CHECK(c.security().insecure);
  CHECK(c.scheduler().idle_timeout == 2s);
  CHECK(c.scheduler().listen == texts{"[::1]:0", "b:2"});
  CHECK(c.source(setting_of("scheduler.listen")) == "flag --listen");
  CHECK(wrong([&] { assign(c, read_flags(flags, texts{"--idle-timeout", "1"}, after_first::flags).given); }) ==
        "flag --idle-timeout: scheduler.idle_timeout is '1': give it a duration with its unit, such as 250ms, 10s, "
        "5min "
        "or 1h");
}

TEST_CASE("wrong flags are refused in a sentence", "[tool][flags]") {
  const auto flags = some_flags();
  struct row {
    texts arguments;
    const char* says;
  };
  const row rows[] = {
      {{"--lisen", "a:1"}, "unknown flag '--lisen': did you mean '--listen'?"},
      {{"--lisen=a:1"}, "unknown flag '--lisen': did you mean '--listen'?"},
      {{"--idle"}, "unknown flag '--idle': did you mean '--idle-timeout'?"},
      {{"--no-insecur"}, "unknown flag '--no-insecur': did you mean '--no-insecure'?"},
      {{"--scheduler", "a:1"}, "unknown flag '--scheduler': here it is called '--cluster'"},
      {{"-l"}, "unknown flag '-l': --help lists those that there are"},
      {{"--colour"}, "unknown flag '--colour': --help lists those that there are"},
      {{"--no-json"}, "unknown flag '--no-json': --help lists those that there are"},
      {{"--listen"}, "flag --listen needs a value: --listen ADDRESS"},
      {{"--listen", "--json"}, "flag --listen needs a value: --listen ADDRESS"},
      {{"--listen", "--"}, "flag --listen needs a value: --listen ADDRESS"},
      {{"--json=yes"}, "flag --json takes no value"},
      {{"--insecure=false"}, "flag --insecure takes no value: --insecure or --no-insecure"},
      {{"---"}, "unknown flag '---': --help lists those that there are"},
  };
  for (const row& r : rows) {
    CAPTURE(r.arguments);
    CHECK(wrong([&] { read_flags(flags, r.arguments, after_first::flags); }) == r.says);
  }
}

TEST_CASE("a program keeps all arguments that are not weft's", "[tool][program_flags]") {
  CHECK(parse({}).rest.empty());
  CHECK(parse_program_flags({}).rest.empty());
  const parsed p = parse({"in", "--cluster", "a:1", "--top=3", "-j4", "--threads=8", "", "--insecure", "-",
                          "--certificates", "/c", "out"});
  CHECK(p.rest == texts{"in", "--top=3", "-j4", "", "-", "out"});
  CHECK_FALSE(p.flags.worker);
  CHECK_FALSE(p.flags.local_cluster);
  const configuration c = applied(p.flags, {{"WEFT_CLUSTER", "other:1"}, {"WEFT_THREADS", "2"}});
  CHECK(c.client().scheduler == "a:1");
  CHECK(c.client().security.certificates == "/c");
  CHECK(c.client().security.insecure);
  CHECK(c.worker().threads == 8);
  CHECK(c.source(setting_of("client.scheduler")) == "flag --cluster");

  CHECK(parse({"--top", "--", "--cluster", "x", "--", "y"}).rest == texts{"--top", "--cluster", "x", "--", "y"});
  CHECK(parse({"--clusters", "a", "--Cluster", "-cluster", "--thread"}).rest.size() == 5);
  CHECK(parse({"--"}).rest.empty());
  CHECK(parse({"--cluster=a:1", "--cluster=b:1"}).rest.empty());
}

TEST_CASE("a local cluster takes back one that is named elsewhere", "[tool][program_flags]") {
  const parsed p = parse({"--local-cluster", "in"});
  CHECK(p.flags.local_cluster == 0u);
  CHECK(p.rest == texts{"in"});
  const configuration c = applied(p.flags, {{"WEFT_CLUSTER", "other:1"}});
  CHECK(c.client().scheduler.empty());
  CHECK(c.source(setting_of("client.scheduler")) == "flag --local-cluster");
  CHECK(parse({"--local-cluster=4"}).flags.local_cluster == 4u);
}

TEST_CASE("behind --worker stand flags of a worker", "[tool][program_flags]") {
  const parsed p = parse({"in", "--worker", "a:1", "--threads", "3", "--name=w", "--memory-limit", "1G", "--no-nanny",
                          "--insecure", "--", "--name", "x"});
  CHECK(p.flags.worker);
  CHECK(p.rest == texts{"in", "--name", "x"});
  const worker_settings w = applied(p.flags).worker();
  CHECK(w.scheduler == "a:1");
  CHECK(w.threads == 3);
  CHECK(w.name == "w");
  CHECK(w.memory_limit == 1u << 30);
  CHECK_FALSE(w.nanny);
  CHECK(w.security.insecure);
  CHECK(applied(parse({"--threads=2", "--worker=unix:@w"}).flags).worker().threads == 2);
  CHECK(parse({"--name", "mine", "--worker=a:1"}).rest == texts{"--name", "mine"});
}

TEST_CASE("wrong flags of weft's in a program are refused", "[tool][program_flags]") {
  struct row {
    texts arguments;
    const char* says;
  };
  const row rows[] = {
      {{"--cluster"}, "flag --cluster needs a value: --cluster ADDRESS"},
      {{"--cluster", "--threads", "4"}, "flag --cluster needs a value: --cluster ADDRESS"},
      {{"--certificates"}, "flag --certificates needs a value: --certificates PATH"},
      {{"--threads", "--"}, "flag --threads needs a value: --threads N"},
      {{"--worker"}, "flag --worker needs a value: --worker ADDRESS"},
      {{"--insecure=yes"}, "flag --insecure takes no value"},
      {{"--local-cluster=0"}, "flag --local-cluster is '0': give it a number of workers from 1 to 1024, or none"},
      {{"--local-cluster="}, "flag --local-cluster is '': give it a number of workers from 1 to 1024, or none"},
      {{"--local-cluster=two"}, "flag --local-cluster is 'two': give it a number of workers from 1 to 1024, or none"},
      {{"--local-cluster", "--cluster", "a:1"},
       "flags --cluster and --local-cluster contradict each other: the cluster is there, or is started"},
      {{"--cluster", "a:1", "--worker", "b:1"},
       "flags --worker and --cluster contradict each other: a program is a worker, or a client"},
      {{"--local-cluster", "--worker", "b:1"},
       "flags --worker and --local-cluster contradict each other: a program is a worker, or a client"},
      {{"--worker", "b:1", "--thread", "3"}, "unknown flag '--thread': did you mean '--threads'?"},
      {{"--worker", "b:1", "in"},
       "'in' stands behind --worker, where only flags of a worker may: arguments of the program come before it, or "
       "behind --"},
  };
  for (const row& r : rows) {
    CAPTURE(r.arguments);
    CHECK(wrong([&] { parse(r.arguments); }) == r.says);
  }
  CHECK(wrong([] { applied(parse({"--threads", "x"}).flags); }) ==
        "flag --threads: worker.threads is 'x': give it a whole number from 0 to 4096");
  CHECK(wrong([] { applied(parse({"--worker", "x"}).flags); }) ==
        "flag --worker: worker.scheduler: address 'x' has no port: write host:port; port 0 lets a listener choose");
}

TEST_CASE("the nanny's command line says what the nanny was told", "[tool][program_flags]") {
  worker_settings s;
  s.scheduler = "tls://[fd00::1]:8786";
  s.security = {"/a \"quoted\" place", true};
  s.name = "--seven";
  s.listen = "0.0.0.0:0";
  s.threads = 7;
  s.nice = 11;
  s.library = GENERATE(false, true);
  s.memory_limit = (std::uint64_t{5} << 30) + 1;
  s.resources = "gpu=1 licence=0.5";
  s.spill_capacity = std::uint64_t{1} << 40;
  s.lifetime = 90min;
  s.death_timeout = 1500ms;
  for (const texts& own : {texts{"in", "--top", "3"}, texts{"in", "--", "--threads", "9"}}) {
    texts all = {"prog"};
    all.insert(all.end(), own.begin(), own.end());
    texts command = worker_command(all, s);
    CHECK(command[0] == "prog");
    command.erase(command.begin());
    const parsed p = parse(command);
    CHECK(p.flags.worker);
    texts without = own;
    std::erase(without, "--");
    CHECK(p.rest == without);
    // Whatever the child's own places say.
    const worker_settings w =
        applied(p.flags, {{"WEFT_SPILL", "/elsewhere"}, {"WEFT_WORKER_NANNY", "true"}}).worker();
    CHECK(w.scheduler == s.scheduler);
    CHECK(w.security.certificates == s.security.certificates);
    CHECK(w.security.insecure);
    CHECK(w.name == s.name);
    CHECK(w.listen == s.listen);
    CHECK(w.threads == 7);
    CHECK(w.nice == 11);
    CHECK(w.memory_limit == s.memory_limit);
    CHECK(w.resources == s.resources);
    CHECK(w.spill_directory.empty());
    CHECK(w.spill_capacity == s.spill_capacity);
    CHECK(w.lifetime == 90min);
    CHECK(w.death_timeout == 1500ms);
    CHECK_FALSE(w.nanny);
    CHECK(w.library == s.library);
  }
}

TEST_CASE("a client's environment says what `weft run` was told, over what stands there", "[tool][program_flags]") {
  const bool insecure = GENERATE(false, true);
  client_settings s;
  s.scheduler = "node1:8786";
  s.security = {"/a place", insecure};
  s.connect_timeout = 1500ms;
  s.library = insecure;
  std::map<std::string, std::string> environment = {{"WEFT_CLUSTER", "other:1"},
                                                    {"WEFT_CLIENT_SCHEDULER", "other:2"},
                                                    {"WEFT_CLIENT_CONNECT_TIMEOUT", "1h"},
                                                    {"WEFT_CLIENT_LIBRARY", insecure ? "false" : "true"},
                                                    {"WEFT_CERTIFICATES", "/other"},
                                                    {"WEFT_SECURITY_CERTIFICATES", "/others"},
                                                    {"WEFT_SECURITY_INSECURE", insecure ? "false" : "true"}};
  for (const std::string& variable : client_environment(s)) {
    const std::size_t equals = variable.find('=');
    environment[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  const client_settings got = configuration::load({"/nowhere/weft.toml", environment, {}}).client();
  CHECK(got.scheduler == s.scheduler);
  CHECK(got.security.certificates == s.security.certificates);
  CHECK(got.security.insecure == insecure);
  CHECK(got.connect_timeout == 1500ms);
  CHECK(got.library == insecure);
}
