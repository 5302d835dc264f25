// The trace: its rings under a writer, the names, and that what it writes is what viewers open.
#include "weft/trace.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>

#include "trace/chrome.hpp"
#include "trace/ring.hpp"
#include "trace/symbols.hpp"
#include "trace/task_names.hpp"
#include "weft/simulated_disk.hpp"
#include "weft/weft.hpp"

using weft::detail::trace_kind;
using weft::detail::trace_ring;

namespace {

/// Accepts JSON (RFC 8259) and nothing else.
class json_checker {
 public:
  explicit json_checker(const std::string& t) : at_(t.c_str()), end_(at_ + t.size()) {}
  bool whole() { return value() && (space(), at_ == end_); }

 private:
  void space() {
    while (at_ < end_ && std::string(" \t\r\n").find(*at_) != std::string::npos) ++at_;
  }
  bool take(char c) {
    space();
    return at_ < end_ && *at_ == c ? (++at_, true) : false;
  }
  bool string() {
    if (!take('"')) return false;
    for (; at_ < end_ && *at_ != '"'; ++at_) {
      if (static_cast<unsigned char>(*at_) < 0x20) return false;
      if (*at_ == '\\') ++at_;
    }
    return at_ < end_ && *at_++ == '"';
  }
  bool number() {
    const char* begin = at_;
    while (at_ < end_ && std::string("+-.eE0123456789").find(*at_) != std::string::npos) ++at_;
    return at_ != begin;
  }
  template <class Element>
  bool list(char close, Element element) {
    if (take(close)) return true;
    do {
      if (!element()) return false;
    } while (take(','));
    return take(close);
  }
  bool value() {
    if (take('{')) return list('}', [this] { return string() && take(':') && value(); });
    if (take('[')) return list(']', [this] { return value(); });
    space();
    return at_ < end_ && (*at_ == '"' ? string() : number());
  }
  const char* at_;
  const char* end_;
};

weft::task<long> traced_fib(int n) {
  if (n < 2) co_return n;
  auto [a, b] = co_await weft::all(traced_fib(n - 1), traced_fib(n - 2));
  co_return a + b;
}

weft::task<> traced_sleeper() {
  co_await weft::sleep_for(std::chrono::milliseconds(1));
  co_await weft::yield();
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("a ring keeps the last events, in order", "[trace]") {
  trace_ring ring(16);
  for (std::uint64_t i = 0; i < 10; ++i) ring.record(i, trace_kind::steal, i);
  CHECK(ring.read().size() == 10);
  CHECK(ring.read(4).front().time == 4);
  for (std::uint64_t i = 10; i < 100; ++i) ring.record(i, trace_kind::steal, i);
  const auto events = ring.read();
  REQUIRE(events.size() == 16);
  for (std::size_t i = 0; i < 16; ++i) CHECK(events[i].time == 84 + i);
  CHECK(ring.read(95).size() == 5);
  CHECK(ring.read(200).empty());
  CHECK(ring.recorded() == 100);
}

TEST_CASE("a reader beside the writer sees whole events only", "[trace]") {
  trace_ring ring(64);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; i < 200'000; ++i) ring.record(i, trace_kind::park, i * 3);
    done = true;
  });
  bool whole = true;
  while (!done.load()) {
    std::uint64_t before = 0;
    for (const auto& e : ring.read()) {
      whole = whole && e.payload == e.time * 3 && e.time > before && e.kind == trace_kind::park;
      before = e.time;
    }
  }
  writer.join();
  CHECK(whole);
}

TEST_CASE("a trace of a pool names tasks and threads, and is JSON", "[trace]") {
  weft::pool pool({.threads = 2, .name = "loom\"1"});
  weft::trace trace(pool);
  CHECK_THROWS_AS(weft::trace(pool), weft::misuse);
  CHECK(pool.run(traced_fib(12)) == 144);
  pool.run(traced_sleeper());
  std::string text;
  do {  // a worker may be so slow to look for work that it need not park
    pool.run(traced_sleeper());
    std::ostringstream out;
    trace.write(out);
    text = out.str();
  } while (count(text, "\"parked\"") == 0);
  CHECK(json_checker(text).whole());
  CHECK(count(text, "traced_fib") > 200);
  CHECK(count(text, "\"name\":\"_Z") == 0);
  CHECK(count(text, "::traced_fib") > 200);
  CHECK(count(text, "traced_sleeper") >= 2);
  CHECK(count(text, "\"parked\"") >= 1);
  CHECK(count(text, "loom\\\"1/1") >= 1);
  CHECK(trace.recorded() > 400);
}

namespace {

struct named_task {
  double by;
  double operator()(std::size_t i) const { return by * static_cast<double>(i); }
  std::string task_name() const { return "twice-\"as\"-much"; }
  std::string task_subject(std::size_t i) const { return "part " + std::to_string(i); }
};
double plain_task(std::size_t, weft::values<double> parts) {
  double sum = 0;
  for (const double p : parts) sum += p;
  return sum;
}

}  // namespace

TEST_CASE("a trace names a client's tasks by their functions", "[trace]") {
  weft::pool pool({.threads = 2});
  weft::client client(pool);
  weft::trace trace(pool);
  const auto parts = weft::layer_of(100, named_task{2});
  const auto sum = weft::layer_of(1, plain_task, weft::from(parts, weft::every{}));
  const auto run = [&]() -> weft::task<double> {
    const double s = co_await client.compute(sum, 0);
    co_return s;
  };
  CHECK(pool.run(run()) == 9900);
  std::ostringstream out;
  trace.write(out);
  CHECK(json_checker(out.str()).whole());
  CHECK(count(out.str(), "\"name\":\"twice-\\\"as\\\"-much\"") == 100);
  CHECK(count(out.str(), "plain_task") >= 1);
  CHECK(count(out.str(), "part ") == 0);  // a name for each function, not for each task
}

TEST_CASE("names have numbers, the same ones for the same names", "[trace]") {
  using weft::detail::name_of_number, weft::detail::number_of_name;
  const std::uint64_t one = number_of_name("of one"), two = number_of_name("of two");
  CHECK(one != two);
  CHECK(one != 0);
  CHECK(number_of_name("of one") == one);
  CHECK(name_of_number(two) == "of two");
  CHECK(name_of_number(0) == "a task");
  CHECK(name_of_number(~std::uint64_t{0}) == "a task");
}

TEST_CASE("a trace ends, and another begins with nothing of the first", "[trace]") {
  weft::pool pool({.threads = 1});
  {
    weft::trace first(pool, 64);
    pool.run(traced_fib(10));
    CHECK(first.recorded() > 64);
  }
  weft::trace second(pool, 64);
  pool.run(traced_sleeper());
  std::ostringstream out;
  second.write(out);
  CHECK(json_checker(out.str()).whole());
  CHECK(count(out.str(), "traced_fib") == 0);
  CHECK(count(out.str(), "traced_sleeper") >= 1);
}

TEST_CASE("a simulation is traced in its own time, files and all", "[trace]") {
  auto text_of = [](std::uint64_t seed) {
    weft::simulation sim(seed);
    weft::simulated_disk disk(sim);
    weft::trace trace(sim.core());
    auto work = []() -> weft::task<> {
      weft::file f = co_await weft::file::open("f", {.mode = weft::access::write, .create = true});
      co_await weft::sleep_for(std::chrono::seconds(1));
      co_await f.sync();
    };
    sim.run(work());
    std::ostringstream out;
    trace.write(out);
    return out.str();
  };
  const std::string text = text_of(5);
  CHECK(json_checker(text).whole());
  CHECK(count(text, "\"ph\":\"b\"") == 2);
  CHECK(count(text, "\"ph\":\"e\"") == 2);
  CHECK(count(text, "\"ts\":10") >= 1);  // after a second, in microseconds
}

TEST_CASE("a trace is saved, or says why not", "[trace]") {
  const auto path = std::filesystem::current_path() / "trace_test.json";
  weft::pool pool({.threads = 1});
  weft::trace trace(pool);
  pool.run(traced_fib(3));
  trace.save(path.string());
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CHECK(json_checker(text).whole());
  std::filesystem::remove(path);
  CHECK_THROWS_AS(trace.save("/nowhere/trace.json"), std::system_error);
  CHECK_THROWS_WITH(trace.save("/dev/full"), Catch::Contains("cannot write the trace to /dev/full"));
}

TEST_CASE("functions have names, and other addresses their number", "[trace]") {
  weft::detail::symbols names;
  CHECK_THAT(names.name_of(reinterpret_cast<std::uint64_t>(&weft::real_environment)),
             Catch::Contains("weft::real_environment"));
  CHECK_THAT(names.name_of(reinterpret_cast<std::uint64_t>(&std::strtod)),
             Catch::Contains("strto"));  // one of its names
  CHECK(names.name_of(0x10) == "0x10");
}
