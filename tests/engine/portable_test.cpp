// Calls as they travel: encoded by one client, made again from the bytes, as another process does it.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "object/functions.hpp"
#include "object/modules.hpp"
#include "weft/delayed.hpp"
#include "weft/simulation.hpp"
#include "weft/weft.hpp"

namespace {

using namespace weft;
using namespace weft::detail;

int add(int a, int b) { return a + b; }
std::string join_words(const std::vector<std::string>& words, std::string_view between) {
  std::string all;
  for (const std::string& w : words) all += (all.empty() ? "" : std::string(between)) + w;
  return all;
}
double mean_of(values<double> all) {
  double sum = 0;
  for (const double x : all) sum += x;
  return sum / static_cast<double>(all.size());
}
task<std::string> greet(const std::string& name) { co_return "hello " + name; }
struct scale {
  double by;
  double operator()(double x) const { return x * by; }
};

/// A call as it is on its way.
struct sent {
  entry_name function;
  std::vector<std::byte> call;
  bool waits;
};
sent send(const node& n) {
  const portable_call* how = n.type->portable(n);
  REQUIRE(how);
  encoder e(encoder::buffers::copied);
  how->encode(n, e);
  return {name_of(*how->entry), e.take_message(), how->waits};
}

/// Gives inputs that are there.
struct given_inputs final : input_source {
  explicit given_inputs(std::vector<node*> n) : nodes(std::move(n)) {}
  node& take(const remote_type& type) override {
    if (at == nodes.size()) throw codec_error("weft: there are too few inputs");
    if (nodes[at]->type->value->schema() != type.value->schema()) throw codec_error("weft: another type");
    add_handle(*nodes[at]);
    return *nodes[at++];
  }
  std::size_t left() const noexcept override { return nodes.size() - at; }
  std::vector<node*> nodes;
  std::size_t at = 0;
};

/// Runs a call that came, on another client.
template <class T>
future<T> receive(client& c, const sent& s, std::vector<node*> inputs = {}) {
  const portable_entry* entry = find_entry(s.function);
  REQUIRE(entry);
  decoder d(s.call);
  given_inputs from(std::move(inputs));
  engine& e = *c.get_engine();
  node* n = entry->make(e, d, from);
  d.finish();
  n->number = n->rank = e.next_sequence();
  add_handle(*n);
  if (n->type->run)
    e.submit(*n);
  else {
    n->state.store(node_state::done);
    n->dependents.store(node::closed);
    n->counts.store(node::one_reference | node::one_want);
    e.adopt_value(*n);
  }
  return future<T>::adopt(*n);
}

/// What is submitted here stays as it was: nobody steps the simulation before the end.
struct two_clients {
  ~two_clients() {
    const auto rest = []() -> task<> { co_await sleep_for(std::chrono::milliseconds(1)); };
    still.run(rest());
  }
  simulation still{1};
  client here{still};
  pool p{{.threads = 2}};
  client there{p};
};

}  // namespace

TEST_CASE("a call is made again from its bytes") {
  two_clients two;
  client& here = two.here;
  client& there = two.there;
  const auto check = [&](auto local, auto expected, std::vector<node*> inputs = {}) -> task<> {
    using T = decltype(expected);
    auto travelled = receive<T>(there, send(*local.get_node()), std::move(inputs));
    const T value = co_await std::move(travelled);
    CHECK(value == expected);
  };
  const auto test = [&]() -> task<> {
    co_await check(here.submit(add, 1, 2L), 3);
    co_await check(here.submit(greet, "you"), std::string("hello you"));
    co_await check(here.submit(scale{2.5}, 4), 10.0);
    co_await check(here.submit([](auto a, auto b) { return a * b; }, 3, 1.5), 4.5);
    co_await check(here.scatter(std::string("there already")), std::string("there already"));
  };
  two.p.run(test());
}

TEST_CASE("the inputs of a call are found elsewhere") {
  two_clients two;
  const auto test = [&]() -> task<> {
    std::vector<future<std::string>> words;
    words.push_back(two.here.scatter(std::string("a")));
    words.push_back(two.here.scatter(std::string("b")));
    auto joined = two.here.submit(join_words, words, "-");
    const sent call = send(*joined.get_node());
    auto x = two.there.scatter(std::string("x")), y = two.there.scatter(std::string("y"));
    auto elsewhere = receive<std::string>(two.there, call, {x.get_node(), y.get_node()});
    const std::string text = co_await std::move(elsewhere);
    CHECK(text == "x-y");

    std::vector<future<double>> numbers;
    numbers.push_back(two.here.submit(scale{1}, 3.0));
    auto mean = two.here.submit(mean_of, std::move(numbers));
    const sent mean_call = send(*mean.get_node());
    auto five = two.there.scatter(5.0);
    auto mean_there = receive<double>(two.there, mean_call, {five.get_node()});
    const double m = co_await std::move(mean_there);
    CHECK(m == 5.0);
    // Too few, too many, and of another type.
    const portable_entry& entry = *find_entry(mean_call.function);
    for (std::vector<node*> wrong : {std::vector<node*>{}, std::vector<node*>{five.get_node(), five.get_node()},
                                     std::vector<node*>{x.get_node()}}) {
      given_inputs from(wrong);
      decoder d(mean_call.call);
      CHECK_THROWS_AS(entry.make(*two.there.get_engine(), d, from), codec_error);
    }
  };
  two.p.run(test());
}

TEST_CASE("only what the program can be asked for is found") {
  two_clients two;
  auto f = two.here.submit(add, 1, 2);
  const sent call = send(*f.get_node());
  CHECK(find_entry(call.function));
  for (const std::uint64_t off : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 40})
    CHECK_FALSE(find_entry({call.function.module, call.function.offset + off}));
  CHECK_FALSE(find_entry({call.function.module + 1, call.function.offset}));
  CHECK(program_module().key() == call.function.module);
  CHECK(hexadecimal(program_module().build_id).size() == 2 * program_module().build_id.size());

  // The function's own address: one byte on, nothing begins.
  std::vector<std::byte> bad = call.call;
  std::uint64_t offset = 0;
  std::memcpy(&offset, bad.data() + 8, sizeof offset);
  for (const std::uint64_t off : {std::uint64_t{1}, std::uint64_t{1} << 40, ~offset}) {
    const std::uint64_t wrong = offset + off;
    std::memcpy(bad.data() + 8, &wrong, sizeof wrong);
    given_inputs none({});
    decoder d(bad);
    CHECK_THROWS_AS(find_entry(call.function)->make(*two.there.get_engine(), d, none), codec_error);
  }
  // Every prefix is refused.
  for (std::size_t n = 0; n < call.call.size(); ++n) {
    given_inputs none({});
    decoder d(std::span(call.call).first(n));
    CHECK_THROWS_AS(find_entry(call.function)->make(*two.there.get_engine(), d, none), codec_error);
  }
  static_cast<void>(f);
}

TEST_CASE("a function of the system does not travel") {
  encoder e;
  double (*f)(double) = std::cbrt;
  try {
    encode_function(e, reinterpret_cast<const void*>(f));
    FAIL("it was encoded");
  } catch (const codec_error& error) { CHECK_THAT(error.what(), Catch::Contains("wrap it in a lambda")); }
}

TEST_CASE("a lazy call travels like a submitted one") {
  two_clients two;
  auto alone = two.here.compute(delayed(join_words, std::vector<std::string>{"p", "q"}, "+"));
  const sent call = send(*alone.get_node());
  const auto test = [&]() -> task<> {
    auto elsewhere = receive<std::string>(two.there, call);
    const std::string text = co_await std::move(elsewhere);
    CHECK(text == "p+q");
  };
  two.p.run(test());
}
