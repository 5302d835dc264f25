#include "held_link.hpp"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../harness.hpp"
#include "raw.hpp"
#include "transport/hub.hpp"
#include "weft/pool.hpp"

namespace bench {
namespace {

using namespace weft::net;

bool shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT: numbers only
}

/// The other host; the first has 10.213.N.1, it has 10.213.N.2.
class other_host {
 public:
  other_host() {
    static std::atomic<int> number{0};
    const std::string n = std::to_string((::getpid() * 4 + ++number) % 250);
    name_ = "weft-bench-" + n;
    near_ = "10.213." + n + ".1";
    const std::string here = "wb" + n + "a", there = "wb" + n + "b",
                      held = " root tbf rate 1gbit burst 256kb latency 50ms";
    shell("ip netns del " + name_);
    if (!shell("ip netns add " + name_ + " && ip link add " + here + " type veth peer name " + there + " netns " +
               name_ + " && ip addr add " + near_ + "/30 dev " + here + " && ip link set " + here + " up && ip -n " +
               name_ + " addr add 10.213." + n + ".2/30 dev " + there + " && ip -n " + name_ + " link set " + there +
               " up && tc qdisc add dev " + here + held + " && ip netns exec " + name_ + " tc qdisc add dev " +
               there + held)) {
      shell("ip netns del " + name_);
      throw not_here("a link of 1 Gbit/s cannot be made here: it takes root, ip and tc (iproute2)");
    }
  }
  ~other_host() { shell("ip netns del " + name_); }
  other_host(const other_host&) = delete;
  other_host& operator=(const other_host&) = delete;

  /// The calling thread is on the other host from now on.
  void move_there() const {
    const descriptor fd(::open(("/run/netns/" + name_).c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.get() < 0 || ::setns(fd.get(), CLONE_NEWNET) != 0) throw not_here("a thread cannot change its network");
  }
  const std::string& near() const noexcept { return near_; }

 private:
  std::string name_, near_;
};

/// Takes values, one at a time, into memory of its own.
class taker final : public link_handler {
 public:
  explicit taker(std::size_t most) : memory_(most) {}
  void received(peer_link&, std::span<const std::byte> messages) override {
    batch_reader reader(messages);
    std::uint16_t kind = 0;
    while (reader.next(kind)) {
      if (kind != static_cast<std::uint16_t>(message_kind::value_header)) continue;
      const auto m = reader.get<value_header>();
      std::lock_guard guard(lock_);
      request_ = m.request;
      in_ = inbound_stream({std::span(memory_).first(m.bytes)});
    }
  }
  std::span<std::byte> place(peer_link&, std::uint64_t stream, std::uint64_t offset, std::size_t bytes) override {
    std::lock_guard guard(lock_);
    return stream == request_ ? in_.place(offset, bytes) : std::span<std::byte>();
  }
  void chunk(peer_link&, std::uint64_t stream, std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::lock_guard guard(lock_);
    if (stream != request_) return;
    in_.arrived(offset, bytes);
    if (in_.complete()) done_ = stream, changed_.notify_all();
  }
  void ended(peer_link&, const std::string& why, bool) override {
    std::lock_guard guard(lock_);
    over_ = why;
    changed_.notify_all();
  }
  std::span<const std::byte> wait_for(std::uint64_t request) {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [&] { return done_ == request || over_; });
    if (over_) throw wrong("the link that is held to 1 Gbit/s has ended: " + *over_);
    return memory_;
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::vector<std::byte> memory_;
  inbound_stream in_;
  std::uint64_t request_ = 0, done_ = 0;
  std::optional<std::string> over_;
};

class door final : public hub_handler {
 public:
  explicit door(std::shared_ptr<taker> to) : to_(std::move(to)) {}
  admission admit(const link_peer&) override { return {to_, 1, refusal::role, {}}; }
  void begun(std::shared_ptr<peer_link>) override {}

 private:
  const std::shared_ptr<taker> to_;
};

greeting as(peer_role role, const std::string& name) {
  greeting g;
  g.role = role;
  g.name = name;
  g.incarnation = 1;
  return g;
}

security plain() {
  security s;
  s.insecure = true;
  return s;
}

weft::task<> move_to(const other_host& host) {
  host.move_there();
  co_return;
}

constexpr std::size_t most_bytes = std::size_t{256} << 20;

}  // namespace

struct held_link::parts {
  other_host host;
  weft::pool near{{.threads = 1}}, far{{.threads = 1}};
  std::shared_ptr<taker> to = std::make_shared<taker>(most_bytes);
  std::optional<hub> listening;
  std::shared_ptr<peer_link> from;
  std::uint64_t request = 0;
};

held_link::held_link(bool compresses) : parts_(std::make_unique<parts>()) {
  parts& p = *parts_;
  p.far.run(move_to(p.host));
  link_options o;
  if (!compresses) o.session.compression.policy = compression_policy::off;
  hub_options h;
  h.link = o;
  p.listening.emplace(p.near, plain(), as(peer_role::scheduler, "near"), h, std::make_shared<door>(p.to));
  const address at = p.listening->listen({address_kind::tcp, p.host.near(), 0});
  class nobody final : public link_handler {
    void received(peer_link&, std::span<const std::byte>) override {}
    void ended(peer_link&, const std::string&, bool) override {}
  };
  p.from =
      p.far.run(peer_link::dial(p.far, at, plain(), as(peer_role::worker, "far"), o, std::make_shared<nobody>()));
}

held_link::~held_link() {
  parts_->from->close(bye_code::finished, "the measurement is over");
  parts_->from.reset();
  parts_->far.drain_for(std::chrono::seconds(10));
  parts_->listening.reset();
  parts_->near.drain_for(std::chrono::seconds(10));
}

double held_link::send(std::span<const std::byte> value) {
  parts& p = *parts_;
  const std::uint64_t size = value.size();
  value_header h{};
  h.request = ++p.request;
  h.id = 1;
  h.bytes = size;
  h.attachments = {&size, 1};
  const double begin = seconds_now();
  p.from->send_value(h, {value}, nullptr);
  const std::span<const std::byte> came = p.to->wait_for(h.request);
  const double took = seconds_now() - begin;
  if (std::memcmp(came.data(), value.data(), size) != 0) throw wrong("a link that compresses brought other bytes");
  return took;
}

}  // namespace bench
