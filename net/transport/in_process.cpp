#include "transport/in_process.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "exec/pool_core.hpp"
#include "weft/sync.hpp"

namespace weft::net {
namespace {

/// One direction.
///
/// Invariants, under the lock: what is offered follows what is in the ring, so nothing enters the ring while
/// something is offered (there is one writer, and it waits). `readable` is set while a read would do something,
/// `writable` while a write would, `taken` while nothing is offered; all of them for good once the pipe is cut.
class pipe {
 public:
  static constexpr std::size_t ring_bytes = std::size_t{64} << 10;

  attempt read(std::span<std::byte> into) noexcept {
    attempt a;
    std::lock_guard guard(lock_);
    if (cut_) {
      a.error = std::make_error_code(std::errc::connection_reset);
      return a;
    }
    while (a.bytes < into.size() && count_ > 0) {
      const std::size_t n = std::min({into.size() - a.bytes, count_, ring_bytes - head_});
      std::memcpy(into.data() + a.bytes, ring_.get() + head_, n);
      head_ = (head_ + n) % ring_bytes;
      count_ -= n;
      a.bytes += n;
    }
    if (a.bytes != 0) writable_.set();
    while (a.bytes < into.size() && !offered_.empty()) {
      const buffer b = offered_.front();
      const std::size_t n = std::min(into.size() - a.bytes, b.size());
      std::memcpy(into.data() + a.bytes, b.data(), n);
      offered_.advance(n);
      a.bytes += n;
      if (offered_.empty()) taken_.set();
    }
    if (count_ == 0 && offered_.empty() && !ended_) {
      readable_.reset();
      a.would_block = a.bytes == 0 && !into.empty();
    }
    return a;
  }

  /// Into the ring, as much as it has room for.
  attempt write(const gather& buffers) noexcept {
    attempt a;
    std::lock_guard guard(lock_);
    if (broken(a) || buffers.empty()) return a;
    a.would_block = !put(buffers.front(), a);
    for (const buffer b : buffers.after_front()) {
      if (a.would_block) break;
      a.would_block = !put(b, a);
    }
    if (a.would_block) writable_.reset();
    if (a.bytes) readable_.set();
    return a;
  }

  /// Lets the reader take all of the buffers from where they are; wait for taken(), then withdraw().
  attempt offer(const gather& buffers) noexcept {
    attempt a;
    std::lock_guard guard(lock_);
    if (broken(a)) return a;
    offered_ = buffers;
    taken_.reset();
    readable_.set();
    return a;
  }
  /// The memory of what was offered is not read any more.
  attempt withdraw() noexcept {
    attempt a;
    std::lock_guard guard(lock_);
    offered_ = gather();
    broken(a);
    return a;
  }

  void end() noexcept {
    std::lock_guard guard(lock_);
    ended_ = true;
    readable_.set();
  }
  void cut() noexcept {
    std::lock_guard guard(lock_);
    cut_ = true;
    offered_ = gather();
    readable_.set();
    writable_.set();
    taken_.set();
  }
  event& readable() noexcept { return readable_; }
  event& writable() noexcept { return writable_; }
  event& taken() noexcept { return taken_; }

 private:
  bool broken(attempt& a) const noexcept {
    if (cut_ || ended_) a.error = std::make_error_code(std::errc::broken_pipe);
    return cut_ || ended_;
  }
  /// Whether all of it had room.
  bool put(buffer b, attempt& a) noexcept {
    while (!b.empty() && count_ < ring_bytes) {
      const std::size_t at = (head_ + count_) % ring_bytes;
      const std::size_t n = std::min({b.size(), ring_bytes - count_, ring_bytes - at});
      std::memcpy(ring_.get() + at, b.data(), n);
      count_ += n;
      a.bytes += n;
      b = b.subspan(n);
    }
    return b.empty();
  }

  std::mutex lock_;
  const std::unique_ptr<std::byte[]> ring_{new std::byte[ring_bytes]};
  std::size_t head_ = 0, count_ = 0;
  gather offered_;
  bool ended_ = false, cut_ = false;
  event readable_, writable_{true}, taken_{true};
};

struct two_ways {
  pipe way[2];
};

class in_process_stream final : public stream {
 public:
  in_process_stream(std::shared_ptr<two_ways> ways, unsigned side, const std::string& name)
      : ways_(std::move(ways)), in_(ways_->way[side]), out_(ways_->way[1 - side]) {
    local_ = peer_ = name;
    authenticated_ = on_this_host_ = true;
  }
  ~in_process_stream() override {
    out_.end();  // what is in the ring can still be read
    in_.cut();
  }
  attempt try_read(std::span<std::byte> into) noexcept override { return in_.read(into); }
  attempt try_write(const gather& buffers) noexcept override { return out_.write(buffers); }
  task<> readable() override { co_await in_.readable().wait(); }
  task<> writable() override { co_await out_.writable().wait(); }
  task<> write(gather rest) override {
    std::size_t bytes = 0;
    if (!rest.empty()) {
      bytes = rest.front().size();
      for (const buffer b : rest.after_front()) bytes += b.size();
    }
    return bytes > pipe::ring_bytes / 2 ? hand_over(rest) : stream::write(rest);
  }
  task<> shutdown() override {
    out_.end();
    co_return;
  }
  void close() noexcept override {
    in_.cut();
    out_.cut();
  }

 private:
  struct withdrawal {  // on every path, a stop included
    ~withdrawal() { of.withdraw(); }
    pipe& of;
  };
  task<> hand_over(gather rest) {
    if (const attempt a = out_.offer(rest); a.error) fail(a.error, "writing");
    {
      const withdrawal always{out_};
      co_await out_.taken().wait();
    }
    if (const attempt a = out_.withdraw(); a.error) fail(a.error, "writing");
  }

  const std::shared_ptr<two_ways> ways_;
  pipe& in_;
  pipe& out_;
};

// ---- names -------------------------------------------------------------------------------------------------------

class in_process_listener;

/// Who listens in this process, by name: what the kernel's tables are to sockets.
struct names {
  std::mutex mutex;
  std::map<std::string, in_process_listener*> listeners;
  static names& all() {
    static names n;
    return n;
  }
};

class in_process_listener final : public listener {
 public:
  explicit in_process_listener(const address& a) { local_ = a; }
  ~in_process_listener() override { in_process_listener::close(); }

  task<std::unique_ptr<stream>> accept() override {
    for (;;) {
      co_await arrived_.wait();
      std::lock_guard guard(names::all().mutex);
      if (closed_)
        throw transport_error("the listener at " + to_string(local_) + " is closed",
                              std::make_error_code(std::errc::operation_canceled));
      if (waiting_.empty()) {
        arrived_.reset();
        continue;
      }
      std::unique_ptr<stream> s = std::move(waiting_.front());
      waiting_.pop_front();
      co_return s;
    }
  }
  void close() noexcept override {
    std::lock_guard guard(names::all().mutex);
    if (closed_) return;
    closed_ = true;
    names::all().listeners.erase(local_.host);
    waiting_.clear();
    arrived_.set();
  }
  /// Under the names' lock.
  void enter(std::unique_ptr<stream> s) {
    constexpr std::size_t most_waiting = 1024;
    if (waiting_.size() >= most_waiting)
      throw transport_error(
          to_string(local_) + " does not accept: " + std::to_string(most_waiting) + " connections wait already",
          std::make_error_code(std::errc::connection_refused));
    waiting_.push_back(std::move(s));
    arrived_.set();
  }

 private:
  std::deque<std::unique_ptr<stream>> waiting_;
  bool closed_ = false;
  event arrived_;
};

}  // namespace

std::pair<std::unique_ptr<stream>, std::unique_ptr<stream>> make_in_process_pair(const std::string& name) {
  auto ways = std::make_shared<two_ways>();
  return {std::make_unique<in_process_stream>(ways, 0, name), std::make_unique<in_process_stream>(ways, 1, name)};
}

// ---- what a pool reaches -----------------------------------------------------------------------------------------

namespace {

class own_names final : public in_process_network {
 public:
  task<std::unique_ptr<stream>> connect(address a) override {
    auto [mine, theirs] = make_in_process_pair(to_string(a));
    std::lock_guard guard(names::all().mutex);
    const auto at = names::all().listeners.find(a.host);
    if (at == names::all().listeners.end())
      throw transport_error("nobody listens at " + to_string(a) + " in this process",
                            std::make_error_code(std::errc::connection_refused));
    at->second->enter(std::move(theirs));
    co_return std::move(mine);
  }
  std::unique_ptr<listener> listen(const address& a) override {
    auto l = std::make_unique<in_process_listener>(a);
    std::lock_guard guard(names::all().mutex);
    if (!names::all().listeners.try_emplace(a.host, l.get()).second)
      throw transport_error("somebody listens at " + to_string(a) + " already",
                            std::make_error_code(std::errc::address_in_use));
    return l;
  }
};

constexpr char network_key = 0;

}  // namespace

std::shared_ptr<in_process_network> in_process_network_of(pool& p) {
  return std::static_pointer_cast<in_process_network>(
      p.core().service(&network_key, [](weft::detail::pool_core&) -> std::shared_ptr<void> {
        return std::shared_ptr<in_process_network>(std::make_shared<own_names>());
      }));
}

void give_network(pool& p, std::shared_ptr<in_process_network> n) {
  p.core().adopt_service(&network_key, std::move(n));
}

}  // namespace weft::net
