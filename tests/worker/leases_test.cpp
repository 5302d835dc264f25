// A worker's side of leases, against clients that say anything.
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "object/functions.hpp"
#include "object/modules.hpp"
#include "transport/hub.hpp"
#include "weft/detail/call.hpp"
#include "weft/weft.hpp"
#include "wire/lease_messages.hpp"
#include "worker/leases.hpp"

namespace {

using namespace weft::net;

int add(int a, int b) { return a + b; }
int fails(int x) { throw std::out_of_range("it is " + std::to_string(x)); }
std::atomic<int> started{0};
weft::task<int> waits(int x) {
  ++started;
  weft::event never;
  co_await never.wait();
  co_return x;
}

/// A call as it travels.
struct encoded {
  function_ref function;
  std::vector<std::byte> bytes;
};
template <class F, class... A>
encoded encode_call(const weft::client& c, F f, A... arguments) {
  weft::detail::node* n = new weft::detail::call_node_for<F, A...>(*c.get_engine(), f, std::move(arguments)...);
  const weft::detail::portable_call& how = *n->type->portable(*n);
  weft::encoder e(weft::encoder::buffers::copied);
  how.encode(*n, e);
  encoded out;
  out.function.offset = weft::detail::name_of(*how.entry).offset;
  out.bytes.assign(e.message().begin(), e.message().end());
  weft::detail::abandon_node(*n);
  return out;
}

class no_values final : public link_handler {
 public:
  void received(peer_link&, std::span<const std::byte>) override { ++batches; }
  void ended(peer_link&, const std::string&, bool) override {}
  std::atomic<int> batches{0};
};

/// What a worker says to one who calls.
class caller final : public link_handler {
 public:
  void received(peer_link&, std::span<const std::byte> messages) override {
    std::lock_guard guard(lock_);
    batch_reader batch(messages);
    std::uint16_t kind = 0;
    while (batch.next(kind)) {
      const auto m = batch.get<lease_result>();
      std::string line = std::to_string(m.request);
      switch (call_end{m.end}) {
        case call_end::value: {
          weft::decoder d(m.value);
          line += " is " + std::to_string(weft::decode<int>(d));
          break;
        }
        case call_end::failed:
          line += " failed: " + std::string(m.text.data(), m.text.size());
          break;
        case call_end::cancelled:
          line += " cancelled";
      }
      said_.push_back(line);
    }
    changed_.notify_all();
  }
  void ended(peer_link&, const std::string& reason, bool) override {
    std::lock_guard guard(lock_);
    end_ = reason;
    changed_.notify_all();
  }
  std::string next() {
    std::unique_lock guard(lock_);
    if (!changed_.wait_for(guard, std::chrono::seconds(20), [&] { return !said_.empty() || !end_.empty(); }))
      return "nothing";
    if (said_.empty()) return "the end: " + end_;
    std::string line = said_.front();
    said_.erase(said_.begin());
    return line;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<std::string> said_;
  std::string end_;
};

class gate final : public hub_handler {
 public:
  explicit gate(lease_server& of) : of_(of) {}
  admission admit(const link_peer&) override { return {of_.serve(values), 0, refusal::role, {}}; }
  void begun(std::shared_ptr<peer_link>) override {}
  std::shared_ptr<no_values> values = std::make_shared<no_values>();

 private:
  lease_server& of_;
};

struct served {
  explicit served(const lease_limits& limits = {}) {
    weft::client_options leased;
    leased.memory_budget = std::uint64_t{64} << 20;
    leased.band = weft::priority::interactive;
    server = std::make_shared<lease_server>(threads, *tasks.get_engine(), weft::detail::program_module().key(),
                                            leased, limits);
    entrance = std::make_shared<gate>(*server);
    own.role = peer_role::worker;
    listening.emplace(threads, security(), own, hub_options(), entrance);
    here.kind = address_kind::in_process;
    here.host = "leases-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    here = listening->listen(here);
  }
  ~served() {
    for (const auto& l : links) l->close(bye_code::finished, "the test ends");
    server->close();
    threads.run(lease_server::end_all(server));
    listening->close();
    threads.drain();
  }
  std::vector<std::byte> told(auto m) {
    batch_writer in, out;
    in.add(m);
    const std::vector<std::byte> bytes = in.take();
    batch_reader batch(bytes);
    std::uint16_t kind = 0;
    batch.next(kind);
    server->told(kind, batch, out);
    return {out.bytes().begin(), out.bytes().end()};
  }
  void open(lease_id id, std::uint64_t secret, std::uint32_t slots = 1, std::uint32_t attempt = 1) {
    const auto answer = told(open_lease{{id, secret, slots, attempt}});
    batch_reader batch(answer);
    std::uint16_t kind = 0;
    REQUIRE(batch.next(kind));
    const auto m = batch.get<lease_opened>();
    CHECK(m.lease == id);
    CHECK(m.attempt == attempt);
  }
  std::shared_ptr<peer_link> dial(std::shared_ptr<link_handler> handler) {
    greeting client;
    client.role = peer_role::client;
    links.push_back(
        threads.run(peer_link::dial(threads, here, security(), client, link_options(), std::move(handler))));
    return links.back();
  }
  void call(peer_link& l, std::uint64_t request, const encoded& what) {
    lease_call m{};
    m.request = request;
    m.function = what.function;
    m.call = what.bytes;
    l.send(m);
  }

  static inline std::atomic<int> number{0};
  weft::pool threads{{.threads = 2}};
  weft::client tasks{threads, {.memory_budget = std::uint64_t{64} << 20}};
  std::shared_ptr<lease_server> server;
  std::shared_ptr<gate> entrance;
  greeting own;
  std::optional<hub> listening;
  address here;
  std::vector<std::shared_ptr<peer_link>> links;
};

lease_claim claim_of(lease_id id, std::uint64_t secret) { return {{id, secret}}; }

}  // namespace

TEST_CASE("who claims a lease is served", "[worker][lease]") {
  served s;
  s.open(7, 99);
  CHECK(s.server->slots() == 1);
  const auto c = std::make_shared<caller>();
  const auto l = s.dial(c);
  l->send(claim_of(7, 99));
  s.call(*l, 1, encode_call(s.tasks, add, 2, 3));
  CHECK(c->next() == "1 is 5");
  s.call(*l, 2, encode_call(s.tasks, fails, 4));
  CHECK(c->next() == "2 failed: it is 4");
  batch_writer out;
  while (out.messages() < 2) s.server->report(out);  // it is counted behind the answer
  CHECK(out.messages() == 2);
  out.clear();
  s.server->report(out);
  CHECK(out.empty());
  s.told(close_lease{{7, 2, 0}});  // another attempt's
  s.call(*l, 3, encode_call(s.tasks, add, 2, 2));
  CHECK(c->next() == "3 is 4");
  s.told(close_lease{{7, 1, 0}});
  CHECK(c->next() == "the end: the lease has ended");
  CHECK(s.server->slots() == 0);
}

TEST_CASE("nobody without the lease is served", "[worker][lease]") {
  served s;
  s.open(7, 99);
  const encoded call = encode_call(s.tasks, add, 2, 3);
  const auto refused = [&](auto say) {
    const auto c = std::make_shared<caller>();
    say(*s.dial(c));
    return c->next();
  };
  CHECK_THAT(refused([&](peer_link& l) { l.send(claim_of(7, 98)); }), Catch::Contains("there is no such lease"));
  CHECK_THAT(refused([&](peer_link& l) { l.send(claim_of(8, 99)); }), Catch::Contains("there is no such lease"));
  const auto c = std::make_shared<caller>();
  const auto l = s.dial(c);
  l->send(claim_of(7, 99));
  s.call(*l, 1, call);
  CHECK(c->next() == "1 is 5");
  CHECK_THAT(refused([&](peer_link& x) { x.send(claim_of(7, 99)); }), Catch::Contains("claimed already"));
  s.call(*l, 2, call);
  CHECK(c->next() == "2 is 5");
  // A call as the first message is taken for one about values.
  const auto d = std::make_shared<caller>();
  const auto x = s.dial(d);
  s.call(*x, 1, call);
  while (s.entrance->values->batches == 0) std::this_thread::yield();
  CHECK(s.entrance->values->batches == 1);
}

TEST_CASE("what a client says of its lease is checked", "[worker][lease]") {
  served s;
  const encoded good = encode_call(s.tasks, add, 2, 3);
  lease_id lease = 7;
  const auto said = [&](auto say) {
    const auto c = std::make_shared<caller>();
    const auto l = s.dial(c);
    s.open(++lease, 99);
    l->send(claim_of(lease, 99));
    say(*l);
    std::string answer = c->next();
    s.told(close_lease{{lease, 1, 0}});
    return answer;
  };
  encoded bad = good;
  bad.bytes.resize(bad.bytes.size() / 2);
  CHECK_THAT(said([&](peer_link& l) { s.call(l, 1, bad); }), Catch::Contains("1 failed"));
  bad = good;
  bad.bytes.resize(bad.bytes.size() + 64);
  CHECK_THAT(said([&](peer_link& l) { s.call(l, 1, bad); }), Catch::Contains("1 failed"));
  bad = good;
  bad.function.offset += 8;
  CHECK_THAT(said([&](peer_link& l) { s.call(l, 1, bad); }), Catch::Contains("no such function"));
  bad = good;
  bad.function.module = 1;
  CHECK_THAT(said([&](peer_link& l) { s.call(l, 1, bad); }), Catch::Contains("is not defined"));
  CHECK_THAT(said([&](peer_link& l) {
               l.send(define_module{{1, 0}, {}, {}});
               s.call(l, 1, bad);
             }),
             Catch::Contains("does not run the client's program"));
  CHECK_THAT(said([&](peer_link& l) { l.send(define_module{{7, 0}, {}, {}}); }), Catch::Contains("defines module 7"));
  CHECK_THAT(said([&](peer_link& l) { l.send(claim_of(lease, 99)); }), Catch::Contains("twice"));
  CHECK_THAT(said([&](peer_link& l) { l.send(lease_release{{7}}); }), Catch::Contains("of kind 129"));
  const encoded stays = encode_call(s.tasks, waits, 1);
  CHECK_THAT(said([&](peer_link& l) {
               s.call(l, 1, stays);
               s.call(l, 1, stays);
             }),
             Catch::Contains("came twice"));
  CHECK(said([&](peer_link& l) { s.call(l, 1, good); }) == "1 is 5");
}

TEST_CASE("a cancelled call is stopped, or never begins", "[worker][lease]") {
  served s;
  s.open(7, 99);
  started = 0;
  const auto c = std::make_shared<caller>();
  const auto l = s.dial(c);
  l->send(claim_of(7, 99));
  s.call(*l, 1, encode_call(s.tasks, waits, 1));
  while (started == 0) std::this_thread::yield();
  l->send(lease_cancel{{1}});
  CHECK(c->next() == "1 cancelled");
  l->send(lease_cancel{{1}});   // it has ended
  l->send(lease_cancel{{70}});  // there was none
  s.call(*l, 2, encode_call(s.tasks, add, 2, 3));
  CHECK(c->next() == "2 is 5");
  // The client goes: what it has begun is stopped, or end_all() would wait for ever.
  s.call(*l, 3, encode_call(s.tasks, waits, 1));
  while (started == 1) std::this_thread::yield();
}

TEST_CASE("a lease has a limit of calls", "[worker][lease]") {
  lease_limits few;
  few.calls = 2;
  served s(few);
  s.open(7, 99);
  const auto c = std::make_shared<caller>();
  const auto l = s.dial(c);
  l->send(claim_of(7, 99));
  const encoded stays = encode_call(s.tasks, waits, 1);
  for (std::uint64_t request = 1; request <= 3; ++request) s.call(*l, request, stays);
  CHECK(c->next() == "3 failed: weft: 2 calls of this lease have not ended");
}

TEST_CASE("a scheduler that is wrong about leases", "[worker][lease]") {
  served s;
  s.open(7, 99);
  CHECK_THROWS_AS(s.told(open_lease{{7, 1, 1, 2}}), protocol_error);
  CHECK_THROWS_AS(s.told(open_lease{{8, 1, 0, 1}}), protocol_error);
  CHECK_THROWS_AS(s.told(open_lease{{8, 1, 3, 1}}), protocol_error);
  CHECK_THROWS_AS(s.told(claim_of(7, 99)), protocol_error);
  CHECK(s.told(close_lease{{9, 1, 0}}).empty());
}

TEST_CASE("the worker's tasks have the threads that are not leased", "[worker][lease]") {
  served s;
  s.open(7, 99, 2);
  auto waits_for_thread = s.tasks.submit(add, 1, 2);
  const auto c = std::make_shared<caller>();
  const auto l = s.dial(c);
  l->send(claim_of(7, 99));
  for (std::uint64_t request = 1; request <= 20; ++request) {
    s.call(*l, request, encode_call(s.tasks, add, 2, 3));
    CHECK(c->next() == std::to_string(request) + " is 5");
  }
  CHECK(!waits_for_thread.done());
  s.told(close_lease{{7, 1, 0}});
  const auto get = [](weft::future<int> f) -> weft::task<int> { co_return co_await std::move(f); };
  CHECK(s.threads.run(get(std::move(waits_for_thread))) == 3);
}
