#include "tool/config.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "support/test_directory.hpp"
#include "tool/tool_support.hpp"

using namespace weft::net;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

using environment = std::map<std::string, std::string>;

configuration load(const test_directory& dir, environment variables = {}, std::string file = {}) {
  configuration_places places;
  places.system_file = dir.path() / "etc/weft.toml";
  places.environment = std::move(variables);
  places.file = std::move(file);
  return configuration::load(places);
}

/// What a file of this text is refused with; `FILE` stands for its name.
std::string file_refusal(const std::string& text) {
  const test_directory dir;
  const std::string file = dir.write("x.toml", text);
  std::string said = wrong([&] { load(dir, {}, file); });
  for (std::size_t at; (at = said.find(file)) != std::string::npos;) said.replace(at, file.size(), "FILE");
  return said;
}
std::string variable_refusal(const std::string& name, const std::string& value) {
  const test_directory dir;
  return wrong([&] { load(dir, {{name, value}}); });
}

}  // namespace

TEST_CASE("without files and variables the defaults stand", "[tool][config]") {
  const test_directory dir;
  const configuration c = load(dir);
  CHECK(c.scheduler().listen == scheduler_settings().listen);
  CHECK(c.worker().death_timeout == 60s);
  CHECK(c.client().scheduler.empty());
  for (const setting& s : all_settings()) CHECK(c.source(s) == "default");
}

TEST_CASE("each place counts over those before it", "[tool][config]") {
  const test_directory dir;
  const auto ttl = [&](const configuration& c) { return c.scheduler().worker_ttl; };
  const auto from = [&](const configuration& c) { return c.source(setting_of("scheduler.worker_ttl")); };
  const std::string home = (dir.path() / "home").string(), xdg = (dir.path() / "xdg").string();
  environment variables = {{"HOME", home}};

  const std::string system = dir.write("etc/weft.toml", "[scheduler]\nworker_ttl = \"1s\"\nsaturation = 2\n");
  CHECK(ttl(load(dir, variables)) == 1s);
  CHECK(from(load(dir, variables)) == system + ":2:14");

  const std::string own = dir.write("home/.config/weft/weft.toml", "[scheduler]\nworker_ttl = '2s'");
  CHECK(ttl(load(dir, variables)) == 2s);
  CHECK(from(load(dir, variables)) == own + ":2:14");
  CHECK(load(dir, variables).scheduler().saturation == 2);

  variables["XDG_CONFIG_HOME"] = "relative";  // ignored, as the specification says
  CHECK(ttl(load(dir, variables)) == 2s);
  variables["XDG_CONFIG_HOME"] = xdg;
  CHECK(ttl(load(dir, variables)) == 1s);
  dir.write("xdg/weft/weft.toml", "scheduler.worker_ttl = '3s'");
  CHECK(ttl(load(dir, variables)) == 3s);

  variables["WEFT_CONFIG"] = dir.write("four.toml", "scheduler = {worker_ttl = '4s'}");
  CHECK(ttl(load(dir, variables)) == 4s);
  const std::string five = dir.write("five.toml", "[scheduler]\nworker_ttl = '5s'");
  CHECK(ttl(load(dir, variables, five)) == 5s);  // instead of WEFT_CONFIG's
  CHECK(ttl(load(dir, {{"HOME", home}}, five)) == 5s);

  variables["WEFT_SCHEDULER_WORKER_TTL"] = "";  // as if it were not there
  CHECK(ttl(load(dir, variables, five)) == 5s);
  variables["WEFT_SCHEDULER_WORKER_TTL"] = "6s";
  configuration c = load(dir, variables, five);
  CHECK(ttl(c) == 6s);
  CHECK(from(c) == "variable WEFT_SCHEDULER_WORKER_TTL");

  const std::string seven = "7s";
  c.assign(setting_of("scheduler.worker_ttl"), {&seven, 1}, "flag --worker-ttl");
  CHECK(ttl(c) == 7s);
  CHECK(from(c) == "flag --worker-ttl");
  CHECK(c.scheduler().saturation == 2);
}

TEST_CASE("every setting has a variable, a flag and a line of the document", "[tool][config]") {
  const test_directory dir;
  const environment values = {{"WEFT_SCHEDULER_LISTEN", "127.0.0.1:1,[::1]:0"},
                              {"WEFT_SCHEDULER_ADDRESS_FILE", "/run/a"},
                              {"WEFT_SCHEDULER_IDLE_TIMEOUT", "1h"},
                              {"WEFT_SCHEDULER_WORKER_TTL", "2min"},
                              {"WEFT_SCHEDULER_SATURATION", "1.5"},
                              {"WEFT_SCHEDULER_ALLOWED_FAILURES", "9"},
                              {"WEFT_SCHEDULER_NO_WORKER_LIMIT", "4min"},
                              {"WEFT_SCHEDULER_RESUME_TIMEOUT", "3s"},
                              {"WEFT_WORKER_SCHEDULER", "unix:/run/weft"},
                              {"WEFT_WORKER_NAME", "seven"},
                              {"WEFT_WORKER_LISTEN", "0.0.0.0:0"},
                              {"WEFT_WORKER_THREADS", "8"},
                              {"WEFT_WORKER_NICE", "12"},
                              {"WEFT_WORKER_MEMORY_LIMIT", "1.5G"},
                              {"WEFT_WORKER_RESOURCES", "gpu=1 licence=0.5"},
                              {"WEFT_WORKER_SPILL_DIRECTORY", "~/spill"},
                              {"WEFT_WORKER_SPILL_CAPACITY", "1T"},
                              {"WEFT_WORKER_LIFETIME", "2d"},
                              {"WEFT_WORKER_DEATH_TIMEOUT", "250ms"},
                              {"WEFT_WORKER_NANNY", "false"},
                              {"WEFT_WORKER_LIBRARY", "true"},
                              {"WEFT_WORKER_PROGRAM_CACHE", "/var/cache/weft"},
                              {"WEFT_WORKER_PROGRAM_CACHE_LIMIT", "3G"},
                              {"WEFT_WORKER_PROGRAM_LIMIT", "2G"},
                              {"WEFT_WORKER_PROGRAMS", "3"},
                              {"WEFT_WORKER_PROGRAM_IDLE", "7s"},
                              {"WEFT_CLIENT_SCHEDULER", "node1:8786"},
                              {"WEFT_CLIENT_CONNECT_TIMEOUT", "5s"},
                              {"WEFT_CLIENT_LIBRARY", "true"},
                              {"WEFT_SECURITY_CERTIFICATES", "certs"},
                              {"WEFT_SECURITY_INSECURE", "true"},
                              {"HOME", "/home/me"}};
  CHECK(values.size() == all_settings().size() + 1);
  const configuration c = load(dir, values);
  const scheduler_settings s = c.scheduler();
  CHECK(s.listen == std::vector<std::string>{"127.0.0.1:1", "[::1]:0"});
  CHECK(s.address_file == "/run/a");
  CHECK(s.idle_timeout == 1h);
  CHECK(s.worker_ttl == 2min);
  CHECK(s.saturation == 1.5);
  CHECK(s.allowed_failures == 9);
  CHECK(s.no_worker_limit == 4min);
  CHECK(s.resume_timeout == 3s);
  CHECK(s.security.certificates == "certs");
  CHECK(s.security.insecure);
  const worker_settings w = c.worker();
  CHECK(w.scheduler == "unix:/run/weft");
  CHECK(w.name == "seven");
  CHECK(w.listen == "0.0.0.0:0");
  CHECK(w.threads == 8);
  CHECK(w.nice == 12);
  CHECK(w.memory_limit == 1536u << 20);
  CHECK(w.resources == "gpu=1 licence=0.5");
  CHECK(w.spill_directory == "/home/me/spill");
  CHECK(w.spill_capacity == std::uint64_t{1} << 40);
  CHECK(w.lifetime == 48h);
  CHECK(w.death_timeout == 250ms);
  CHECK_FALSE(w.nanny);
  CHECK(w.library);
  CHECK(w.program_cache == "/var/cache/weft");
  CHECK(w.program_cache_limit == std::uint64_t{3} << 30);
  CHECK(w.program_limit == std::uint64_t{2} << 30);
  CHECK(w.programs == 3);
  CHECK(w.program_idle == 7s);
  CHECK(w.security.certificates == "certs");
  CHECK(c.client().scheduler == "node1:8786");
  CHECK(c.client().connect_timeout == 5s);
  CHECK(c.client().library);
  CHECK(c.client().security.insecure);

  SECTION("what is printed reads back") {
    const std::string text = c.to_toml();
    CHECK_THAT(text, Contains("listen = [\"127.0.0.1:1\", \"[::1]:0\"]"));
    CHECK_THAT(text, Contains("# variable WEFT_WORKER_NANNY"));
    const configuration again = load(dir, {}, dir.write("printed/weft.toml", text));
    CHECK_THAT(text, Contains("certificates = " + toml_string(fs::absolute("certs").string())));
    const auto bare = [](const std::string& all) {
      std::string lines;
      for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = all.find('\n', at);
        const std::string line = all.substr(at, end - at);
        lines += line.substr(0, line.find_last_not_of(' ', line.find("  #")) + 1) + "\n";
        at = end + 1;
      }
      return lines;
    };
    CHECK(bare(again.to_toml()) == bare(text));
  }
  const std::string document = text_of(fs::path(WEFT_ROOT) / "docs/cluster.md");
  std::set<std::string> names;
  settings defaults;
  for (const setting& x : all_settings()) {
    CHECK(names.insert(x.key()).second);
    CHECK(values.count(x.variable()) == 1);
    CHECK(&setting_of(x.key()) == &x);
    CHECK(x.says.size() <= 74);
    CHECK_THAT(document, Contains("| `" + x.key() + "` | `" + value_of(x, defaults) + "` |"));
    if (!x.short_variable.empty()) CHECK_THAT(document, Contains("`" + std::string(x.short_variable) + "`"));
  }
}

TEST_CASE("short variables count under the long ones", "[tool][config]") {
  const test_directory dir;
  environment variables = {{"WEFT_CLUSTER", "a:1"},
                           {"WEFT_CERTIFICATES", "/c"},
                           {"WEFT_MEMORY", "1G"},
                           {"WEFT_SPILL", "/s"},
                           {"WEFT_THREADS", "3"}};
  CHECK(load(dir, variables).client().scheduler == "a:1");
  CHECK(load(dir, variables).client().security.certificates == "/c");
  CHECK(load(dir, variables).worker().memory_limit == 1u << 30);
  CHECK(load(dir, variables).worker().spill_directory == "/s");
  CHECK(load(dir, variables).worker().threads == 3);
  variables["WEFT_CLIENT_SCHEDULER"] = "b:2";
  const configuration c = load(dir, variables);
  CHECK(c.client().scheduler == "b:2");
  CHECK(c.source(setting_of("client.scheduler")) == "variable WEFT_CLIENT_SCHEDULER");
}

TEST_CASE("mistakes in files are said with their place", "[tool][config]") {
  struct row {
    const char *text, *says;
  };
  const row rows[] = {
      {"[scheduler]\nidle_timeout = \"10\"",
       "FILE:2:16: scheduler.idle_timeout is '10': give it a duration with its unit, such as 250ms, 10s, 5min or 1h"},
      {"[scheduler]\nidle_timeout = 10",
       "FILE:2:16: scheduler.idle_timeout is '10': give it a duration with its unit, such as 250ms, 10s, 5min or 1h"},
      {"[scheduler]\nidle_timeout = 1.5",
       "FILE:2:16: scheduler.idle_timeout is 1.5: give it a duration with its unit, such as \"250ms\", \"10s\" or "
       "\"5min\""},
      {"[scheduler]\nworker_ttl = \"0s\"", "FILE:2:14: scheduler.worker_ttl is '0s': give it 100ms at least"},
      {"[scheduler]\nsaturation = 0", "FILE:2:14: scheduler.saturation is '0': give it a number from 0.1 to 1000"},
      {"[scheduler]\nsaturation = inf",
       "FILE:2:14: scheduler.saturation is 'inf': give it a number from 0.1 to 1000"},
      {"[scheduler]\nsaturation = true", "FILE:2:14: scheduler.saturation is true: give it a number"},
      {"[scheduler]\nallowed_failures = 0",
       "FILE:2:20: scheduler.allowed_failures is '0': give it a whole number from 1 to 1000"},
      {"[scheduler]\nlisten = []", "FILE:2:10: scheduler.listen is []: give it one address at least"},
      {"[scheduler]\nlisten = [1]",
       "FILE:2:10: scheduler.listen is [ 1 ]: give it addresses in quotes, such as [\"127.0.0.1:8786\"]"},
      {"[scheduler]\nlisten = [\"a:1\", \"b\"]",
       "FILE:2:10: scheduler.listen: address 'b' has no port: write host:port; port 0 lets a listener choose"},
      {"[worker]\nscheduler = \"a:0\"",
       "FILE:2:13: worker.scheduler is 'a:0': nobody listens on port 0: give the port that the scheduler has said"},
      {"[worker]\nscheduler = \"inproc://a\"",
       "FILE:2:13: worker.scheduler is 'inproc://a': an inproc address means something within one process only: give "
       "host:port, or unix:/path"},
      {"[worker]\nscheduler = [\"a:1\"]", "FILE:2:13: worker.scheduler is [ 'a:1' ]: give it a text in quotes"},
      {"[worker]\nname = 7", "FILE:2:8: worker.name is 7: give it a text in quotes"},
      {"[worker]\nname = 'my worker'",
       "FILE:2:8: worker.name is 'my worker': names are given in lists, with blanks between two: write - or _ where "
       "it "
       "has a blank"},
      {"[worker]\nname = \"a\\u0007b\"",
       "FILE:2:8: worker.name is 'a\ab': it has control characters, which nobody can type"},
      {"[worker]\nthreads = -1", "FILE:2:11: worker.threads is '-1': give it a whole number from 0 to 4096"},
      {"[worker]\nthreads = 1.5", "FILE:2:11: worker.threads is 1.5: give it a whole number"},
      {"[worker]\nthreads = 5000", "FILE:2:11: worker.threads is '5000': give it a whole number from 0 to 4096"},
      {"[worker]\nmemory_limit = \"lots\"",
       "FILE:2:16: worker.memory_limit is 'lots': give it a number of bytes, such as 1073741824, 512M or 1.5G; K, M, "
       "G "
       "and T are powers of 1,024"},
      {"[worker]\nmemory_limit = -1",
       "FILE:2:16: worker.memory_limit is '-1': give it a number of bytes, such as 1073741824, 512M or 1.5G; K, M, G "
       "and T are powers of 1,024"},
      {"[worker]\nnanny = \"yes\"", "FILE:2:9: worker.nanny is 'yes': give it true or false"},
      {"[worker]\nnanny = 1", "FILE:2:9: worker.nanny is 1: give it true or false"},
      {"[worker]\nresources = \"gpu\"",
       "FILE:2:13: worker.resources is 'gpu': 'gpu' is no resource: give names with amounts, such as \"gpu=1 "
       "licence=0.5\""},
      {"[worker]\nresources = \"gpu=1 gpu=2\"",
       "FILE:2:13: worker.resources is 'gpu=1 gpu=2': 'gpu' is there twice: give each resource once"},
      {"[worker]\nresources = \"=1\"",
       "FILE:2:13: worker.resources is '=1': '=1' is no resource: give names with amounts, such as \"gpu=1 "
       "licence=0.5\""},
      {"[security]\ncertificates = \"~/c\"",
       "FILE:2:16: security.certificates is '~/c': HOME is not set, so that ~ means nothing: give the whole path"},
      {"[scheduler]\nidle_timout = \"10s\"",
       "FILE:2:1: there is no setting 'scheduler.idle_timout': did you mean 'idle_timeout'?"},
      {"[client]\ncolour = 1",
       "FILE:2:1: there is no setting 'client.colour': [client] has scheduler, connect_timeout and library"},
      {"[shceduler]", "FILE:1:2: there is no table 'shceduler': did you mean 'scheduler'?"},
      {"[dashboard]", "FILE:1:2: there is no table 'dashboard': there are scheduler, worker, client and security"},
      {"threads = 3", "FILE:1:1: 'threads' stands in no table: write [worker] above it"},
      {"colour = 3",
       "FILE:1:1: there is no setting 'colour': settings stand in the tables scheduler, worker, client and security"},
      {"worker = 3", "FILE:1:1: 'worker' is a table: write [worker] on a line, settings below it"},
      {"[[worker]]", "FILE:1:3: 'worker' is a table: write [worker] on a line, settings below it"},
      {"[worker]\nthreads = x\n[scheduler]\nsaturation = 0\n", nullptr},
      {"[worker]\nthreads = 9999\n[scheduler]\nsaturation = 0\n[client]\ncolour = ''",
       "FILE:2:11: worker.threads is '9999': give it a whole number from 0 to 4096\n"
       "FILE:4:14: scheduler.saturation is '0': give it a number from 0.1 to 1000\n"
       "FILE:6:1: there is no setting 'client.colour': [client] has scheduler, connect_timeout and library"},
  };
  for (const row& r : rows) {
    CAPTURE(r.text);
    if (r.says)
      CHECK(file_refusal(r.text) == r.says);
    else
      CHECK_THAT(file_refusal(r.text), Contains("FILE:2:11: is no TOML: "));
  }
  CHECK_THAT(file_refusal("[worker]\nthreads = 1\nthreads = 2\n"), Contains("FILE:3:") && Contains("is no TOML"));
  CHECK_THAT(file_refusal(std::string("[worker]\nname = \"\xff\"")), Contains("FILE:2:") && Contains("is no TOML"));
  CHECK_THAT(file_refusal("a = " + std::string(10'000, '[')), Contains("is no TOML"));
  CHECK(file_refusal(std::string((1u << 20) + 1, '\n')) == "FILE: is larger than 1 MiB: settings are a few lines");
}

TEST_CASE("what files may say", "[tool][config]") {
  const test_directory dir;
  const auto with = [&](const std::string& text) { return load(dir, {{"HOME", "/h"}}, dir.write("a/x.toml", text)); };
  CHECK(with("[scheduler]\nlisten = 'a:1,b:2'").scheduler().listen == std::vector<std::string>{"a:1", "b:2"});
  CHECK(with("[scheduler]\nidle_timeout = 0").scheduler().idle_timeout == 0s);
  CHECK(with("[worker]\nmemory_limit = 4096").worker().memory_limit == 4096);
  CHECK(with("[worker]\nthreads = '4'").worker().threads == 4);
  CHECK(with("[client]\nscheduler = ''").client().scheduler.empty());
  CHECK(with("").client().scheduler.empty());
  CHECK(with("[worker]\nname = ''").worker().name.empty());  // host and process
  CHECK(with("[worker]\nname = 'wörker:1'").worker().name == "wörker:1");
  CHECK(with("[security]\ncertificates = 'c'").client().security.certificates == (dir.path() / "a/c").string());
  CHECK(with("[security]\ncertificates = '/c'").client().security.certificates == "/c");
  CHECK(with("[security]\ncertificates = '~/c'").client().security.certificates == "/h/c");
  CHECK(with("[security]\ncertificates = ''").client().security.certificates.empty());
}

TEST_CASE("files that are none are refused", "[tool][config]") {
  const test_directory dir;
  const std::string missing = (dir.path() / "missing.toml").string(), folder = dir.path().string();
  CHECK(wrong([&] { load(dir, {}, missing); }) ==
        missing + ": cannot be read (No such file or directory): give a file of settings");
  CHECK(wrong([&] { load(dir, {{"WEFT_CONFIG", missing}}); }) ==
        missing + ": cannot be read (No such file or directory): give a file of settings");
  CHECK(wrong([&] { load(dir, {}, folder); }) == folder + ": is a directory: give a file of settings");
}

TEST_CASE("mistakes in variables are said with their names", "[tool][config]") {
  CHECK(
      variable_refusal("WEFT_SCHEDULER_IDLE_TIMEOUT", "ten") ==
      "variable WEFT_SCHEDULER_IDLE_TIMEOUT: scheduler.idle_timeout is 'ten': give it a duration with its unit, such "
      "as 250ms, 10s, 5min or 1h");
  CHECK(variable_refusal("WEFT_THREADS", "two") ==
        "variable WEFT_THREADS: worker.threads is 'two': give it a whole number from 0 to 4096");
  CHECK(
      variable_refusal("WEFT_CLUSTER", "node1") ==
      "variable WEFT_CLUSTER: client.scheduler: address 'node1' has no port: write host:port; port 0 lets a listener "
      "choose");
  CHECK(variable_refusal("WEFT_SCHEDULER_LISTEN", "a:1,,b:2")
            .find("variable WEFT_SCHEDULER_LISTEN: scheduler.listen: "
                  "address '' is empty") == 0);
  CHECK(
      variable_refusal("WEFT_SCHEDULER_IDLE_TIMOUT", "1s") ==
      "variable WEFT_SCHEDULER_IDLE_TIMOUT is '1s', and means nothing: did you mean 'WEFT_SCHEDULER_IDLE_TIMEOUT'?");
  CHECK_THAT(variable_refusal("WEFT_CLUSTERS", "a:1"), Contains("did you mean 'WEFT_CLUSTER'?"));
  // Of others: Kubernetes names such when a service is called so; the rest are weft's own, read elsewhere.
  for (const char* name : {"WEFT_SCHEDULER_PORT", "WEFT_SCHEDULER_SERVICE_HOST", "WEFT_SCHEDULER_PORT_8786_TCP_ADDR",
                           "WEFT_LOG", "WEFT_FILES", "WEFT_BENCH_DIR", "WEFT_", "XWEFT_THREADS"})
    CHECK(variable_refusal(name, "x").empty());
  const test_directory dir;
  CHECK(wrong([&] { load(dir, {{"WEFT_THREADS", "a"}, {"WEFT_MEMORY", "b"}}); }).find('\n') != std::string::npos);
}
