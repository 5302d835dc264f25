// Values that come over links that break: all of them arrive.
#include "worker/exchange.hpp"

#include <unistd.h>

#include <atomic>

#include "transport/hub.hpp"
#include "worker/bench.hpp"

namespace {

using namespace weft::net;
using namespace weft::net::test;

constexpr std::size_t large = 500'000;  // 4 MB: more than a socket holds

/// Values that a peer has.
class shelf final : public exchange_host {
 public:
  void put(task_id id, const numbers& v) {
    auto parts = std::make_shared<std::vector<std::vector<std::byte>>>();
    weft::encoder e;
    weft::encode(e, v);
    parts->emplace_back(e.message().begin(), e.message().end());
    for (const auto& b : e.attachments()) parts->emplace_back(b.begin(), b.end());
    values_[id] = {nullptr, parts, weft::schema_hash<numbers>()};
  }
  outgoing_value find(task_id id) override {
    const auto at = values_.find(id);
    return at == values_.end() ? outgoing_value() : at->second;
  }
  value_landing land(const value_header&) override { return {}; }
  void landed(std::uint64_t, task_id, value_landing) override {}
  void cut_off(task_id, value_landing) override {}
  void not_there(std::uint64_t, task_id, bool) override {}
  void peer_interrupted(peer_id) override {}
  void peer_resumed(peer_id) override {}
  void peer_lost(peer_id) override {}

 private:
  std::map<task_id, outgoing_value> values_;
};

/// A peer that serves values, whose link can be cut.
class shop final : public hub_handler {
 public:
  shop() {
    own_.role = peer_role::worker;
    serving = std::make_shared<exchange>(threads, security(), own_, link_options(), goods);
  }
  ~shop() {
    serving->close();
    listening_->close();
    threads.drain();
  }
  address open() {
    listening_.emplace(threads, security(), own_, hub_options(),
                       std::shared_ptr<hub_handler>(std::shared_ptr<void>(), this));
    static std::atomic<int> number{0};
    address a;
    a.kind = address_kind::unix_socket;
    a.host = "@weft-test-shop-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    return listening_->listen(a);
  }
  void cut() {
    std::lock_guard guard(lock_);
    ++cuts;
    if (link_) link_->cut();
  }

  admission admit(const link_peer&) override {
    return {std::make_shared<counter>(*this, serving->serve()), 0, refusal::role, {}};
  }
  void begun(std::shared_ptr<peer_link> l) override {
    std::lock_guard guard(lock_);
    if (closes-- > 0) return l->close(bye_code::finished, "the shop is closed");
    link_ = std::move(l);
  }

  weft::pool threads{{.threads = 2}};
  shelf goods;
  std::shared_ptr<exchange> serving;
  std::function<void()> on_request;  // before it is answered
  int cuts = 0;
  int closes = 0;  // how many of the next links

 private:
  class counter final : public link_handler {
   public:
    counter(shop& of, std::shared_ptr<link_handler> inner) : of_(of), inner_(std::move(inner)) {}
    void received(peer_link& from, std::span<const std::byte> messages) override {
      if (of_.on_request) of_.on_request();
      inner_->received(from, messages);
    }
    void ended(peer_link& l, const std::string& why, bool in_order) override { inner_->ended(l, why, in_order); }

   private:
    shop& of_;
    const std::shared_ptr<link_handler> inner_;
  };

  std::mutex lock_;
  greeting own_;
  std::optional<hub> listening_;
  std::shared_ptr<peer_link> link_;
};

}  // namespace

TEST_CASE("values come over a link that breaks", "[worker]") {
  shop s;
  for (task_id id = 90; id < 94; ++id) s.goods.put(id, some(static_cast<double>(id), large));
  bench b;
  greeting own;
  own.role = peer_role::worker;
  b.links = std::make_shared<exchange>(b.threads, security(), own, link_options(), b);
  b.links->know(2, to_string(s.open()));
  b.run(20, 90, large);
  CHECK(b.result(20) == total(some(90, large)));

  std::atomic<int> times = 3;
  const auto cut = [&] {
    if (times.fetch_sub(1) > 0) s.cut();
  };
  SECTION("when a request is sent, which then comes twice") { b.on_ask = cut; }
  SECTION("between the request and its answer") { s.on_request = cut; }
  SECTION("in the middle of a value") { b.on_land = cut; }
  for (task_id id = 91; id < 94; ++id) b.run(id - 70, id, large);
  for (task_id id = 91; id < 94; ++id) CHECK(b.result(id - 70) == total(some(static_cast<double>(id), large)));
  CHECK(s.cuts > 0);
  CHECK(b.missed() == 0);  // the peer has them still
}

TEST_CASE("values come after links that end as soon as they are made", "[worker]") {
  for (int round = 0; round < 20; ++round) {
    shop s;
    s.goods.put(90, some(1, 1'000));
    s.closes = 2;
    bench b;
    greeting own;
    own.role = peer_role::worker;
    b.links = std::make_shared<exchange>(b.threads, security(), own, link_options(), b);
    b.links->know(2, to_string(s.open()));
    b.run(20, 90, 1'000);
    CHECK(b.result(20) == total(some(1, 1'000)));
  }
}
