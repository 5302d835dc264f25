#include "exec/watched_descriptor.hpp"

#include <sys/epoll.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "exec/edge.hpp"
#include "exec/pool_core.hpp"
#include "weft/sync.hpp"

namespace weft::detail {

/// What the poller calls. A worker may be calling it while its descriptor goes: so it stays until the pool ends, and
/// serves another only once it is called no more for the one before.
class descriptor_watch final : public poller::watcher {
 public:
  void ready(std::uint32_t events) noexcept override {
    const bool ended = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR), hung_up = events & (EPOLLHUP | EPOLLERR);
    if (events & ~std::uint32_t{EPOLLOUT}) readable_.come(ended);
    // Who writes still waits for room when the peer has ended its own side only: it may read on, as slowly as it
    // likes.
    if (events & ~std::uint32_t{EPOLLIN | EPOLLRDHUP}) writable_.come(hung_up);
  }
  void begin() noexcept {
    readable_.begin();
    writable_.begin();
  }
  task<> readable() { return readable_.wait(); }
  task<> writable() { return writable_.wait(); }

 private:
  basic_edge<event> readable_, writable_;
};

namespace {

/// The watches of a pool.
class watch_table {
 public:
  explicit watch_table(poller& p) noexcept : poller_(p) {}
  static watch_table& of(pool_core& p) {
    static constexpr char key = 0;
    const auto make = [](pool_core& c) -> std::shared_ptr<void> { return std::make_shared<watch_table>(c.events()); };
    return *static_cast<watch_table*>(p.service(&key, make).get());
  }
  descriptor_watch& take() {
    std::lock_guard guard(lock_);
    const std::uint64_t rounds = poller_.rounds();
    for (auto at = gone_.begin(); at != gone_.end(); ++at) {
      if (at->round >= rounds) continue;
      descriptor_watch& w = *at->watch;
      *at = gone_.back();
      gone_.pop_back();
      w.begin();
      return w;
    }
    gone_.reserve(all_.size() + 1);  // giving one back does not fail
    return all_.emplace_back();
  }
  void give_back(descriptor_watch& w) noexcept {
    std::lock_guard guard(lock_);
    gone_.push_back({&w, poller_.rounds()});
  }

 private:
  struct gone {
    descriptor_watch* watch;
    std::uint64_t round;  // of the poller, when its descriptor went
  };
  poller& poller_;
  std::mutex lock_;
  std::deque<descriptor_watch> all_;
  std::vector<gone> gone_;
};

}  // namespace

watched_descriptor::watched_descriptor(pool& p, int fd)
    : pool_(p.core()), watch_(watch_table::of(pool_).take()), fd_(fd) {
  try {
    pool_.events().add_edges(fd, watch_);
  } catch (...) {
    watch_table::of(pool_).give_back(watch_);
    throw;
  }
}

watched_descriptor::~watched_descriptor() {
  pool_.events().remove(fd_);
  watch_table::of(pool_).give_back(watch_);
}

task<> watched_descriptor::readable() { return watch_.readable(); }
task<> watched_descriptor::writable() { return watch_.writable(); }

}  // namespace weft::detail
