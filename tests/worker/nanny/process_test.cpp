// Worker processes that die, grow, and are asked to end; what stands for a worker is a shell.
#include "worker/worker_process.hpp"

#include "env/parent.hpp"
#include "weft/scope.hpp"
#include "worker/nanny/support.hpp"

using namespace weft;
using namespace nanny_test;
using net::process_event;
using net::worker_process;
using net::worker_process_options;

namespace {

struct watched {
  std::vector<std::pair<process_event, int>> events;
  std::vector<std::string> said;
  worker_process_options options(const std::string& script) {
    worker_process_options o;
    o.command = {"/bin/sh", "-c", script};
    o.first_pause = std::chrono::milliseconds(1);
    o.look_every = std::chrono::milliseconds(5);
    o.say = [this](const std::string& s) { said.push_back(s); };
    o.told = [this](process_event e, int value) { events.emplace_back(e, value); };
    return o;
  }
  std::size_t count(process_event e) const {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [e](auto& x) { return x.first == e; }));
  }
};

int run(worker_process_options o) {
  pool p({.threads = 1});
  return p.run(worker_process::run(std::make_shared<worker_process>(p, std::move(o))));
}

task<int> run_until(nursery& beside, std::shared_ptr<worker_process> w, std::function<bool()> ready,
                    std::vector<int> signals) {
  const auto end_it = [](std::shared_ptr<worker_process> of, std::function<bool()> when,
                         std::vector<int> by) -> task<> {
    co_await wait_for(when);
    for (const int s : by) of->end(s);
  };
  beside.spawn(end_it(w, std::move(ready), std::move(signals)));
  const int status = co_await worker_process::run(w);
  co_return status;
}
int run_and_end(worker_process_options o, std::function<bool()> ready, std::vector<int> signals) {
  pool p({.threads = 1});
  auto w = std::make_shared<worker_process>(p, std::move(o));
  return p.run(scope(run_until, w, std::move(ready), std::move(signals)));
}

}  // namespace

TEST_CASE("a worker that dies is started again, until it ends in order") {
  const test_directory d;
  watched w;
  const std::string n = d / "n";
  CHECK(run(w.options("echo x >>" + n + "; [ $(wc -l <" + n + ") = 3 ] || kill -9 $$")) == 0);
  CHECK(w.count(process_event::started) == 3);
  CHECK(w.count(process_event::restarting) == 2);
  CHECK(w.events[1] == std::pair(process_event::ended, 137));
  REQUIRE(w.said.size() == 2);
  CHECK(w.said[0] == "the worker was killed by signal 9, and is started again");
}

TEST_CASE("a worker whose settings cannot be is not started again") {
  watched w;
  CHECK(run(w.options("exit 2")) == 2);
  CHECK(w.count(process_event::started) == 1);
  watched once;
  auto o = once.options("exit 7");
  o.restart = false;
  CHECK(run(std::move(o)) == 7);
}

TEST_CASE("a program that is not there is said") {
  watched w;
  auto o = w.options("");
  o.command = {"/nowhere/program"};
  CHECK_THROWS_WITH(run(std::move(o)), Catch::Contains("/nowhere/program"));
}

TEST_CASE("a worker is asked to end, and what does not listen is killed") {
  const test_directory d;
  const std::string ready = d / "ready";
  const auto is_ready = [&] { return std::filesystem::exists(ready); };
  watched w;
  SECTION("it ends in order") {
    auto o = w.options("trap 'exit 0' TERM; echo >" + ready + "; while :; do sleep 0.01; done");
    CHECK(run_and_end(std::move(o), is_ready, {SIGTERM}) == 0);
  }
  SECTION("it dies of the signal") {
    auto o = w.options("echo >" + ready + "; exec sleep 1000");
    CHECK(run_and_end(std::move(o), is_ready, {SIGTERM}) == 0);
  }
  SECTION("it does not listen") {
    auto o = w.options("trap '' TERM; echo >" + ready + "; while :; do sleep 0.01; done");
    o.end_within = std::chrono::milliseconds(20);
    CHECK(run_and_end(std::move(o), is_ready, {SIGTERM}) == 137);
  }
  SECTION("it is asked twice") {
    auto o = w.options("trap '' INT; echo >" + ready + "; while :; do sleep 0.01; done");
    CHECK(run_and_end(std::move(o), is_ready, {SIGINT, SIGINT}) == 137);
  }
  SECTION("while it is about to be started again") {
    auto o = w.options("exit 1");
    o.first_pause = std::chrono::hours(1);
    CHECK(run_and_end(std::move(o), [&] { return w.count(process_event::restarting) == 1; }, {SIGTERM}) == 0);
  }
  CHECK(w.count(process_event::started) == 1);
}

TEST_CASE("a worker that takes too much memory is killed, and started again") {
  const test_directory d;
  watched w;
  const std::string n = d / "n";
  // A variable that doubles; the second life ends at once.
  auto o = w.options("echo x >>" + n + "; [ $(wc -l <" + n +
                     ") = 1 ] || exit 0; "
                     "a=0123456789abcdef; while :; do a=$a$a; done");
  o.memory_limit = std::uint64_t{64} << 20;
  CHECK(run(std::move(o)) == 0);
  CHECK(w.count(process_event::started) == 2);
  REQUIRE_FALSE(w.said.empty());
  CHECK_THAT(w.said[0], Catch::Contains("worker.memory_limit") || Catch::Contains("was killed by signal 9"));
}

TEST_CASE("what a dead worker has spilled is removed") {
  const test_directory d;
  watched w;
  const std::string spilled = d / "spill";
  std::filesystem::create_directory(spilled);
  auto o = w.options("mkdir " + spilled + "/weft-spill-$$-abcdef && echo >" + spilled +
                     "/weft-spill-$$-abcdef/lock; [ $(ls " + spilled + " | wc -l) = 1 ] || exit 2; kill -9 $$");
  o.spill_directory = spilled;
  o.restart = false;
  CHECK(run(std::move(o)) == 137);
  std::size_t left = 0;
  for (const auto& e : std::filesystem::directory_iterator(spilled)) left += e.is_directory();
  CHECK(left == 0);
}
