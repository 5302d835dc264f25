#include "asio_peer.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/version.hpp>

#include <atomic>
#include <future>
#include <vector>

namespace bench {

struct asio_peer::state {
  explicit state(unsigned threads) : pool(threads) {}

  /// One of n that are waited for; the last says so.
  struct counted {
    std::atomic<std::size_t>* left;
    std::promise<void>* done;
    void operator()() const {
      if (left->fetch_sub(1, std::memory_order_acq_rel) == 1) done->set_value();
    }
  };
  asio::thread_pool pool;
};

bool asio_peer::available() { return true; }
std::string asio_peer::name() {
  return "asio " + std::to_string(ASIO_VERSION / 100000) + "." + std::to_string(ASIO_VERSION / 100 % 1000) + "." +
         std::to_string(ASIO_VERSION % 100);
}
asio_peer::asio_peer(unsigned threads) : state_(std::make_unique<state>(threads)) {}
asio_peer::~asio_peer() = default;

void asio_peer::post_from_inside(std::size_t n) {
  std::atomic<std::size_t> left{n};
  std::promise<void> done;
  asio::post(state_->pool, [&] {
    for (std::size_t i = 0; i < n; ++i) asio::post(state_->pool, state::counted{&left, &done});
  });
  done.get_future().get();
}

void asio_peer::post_from_outside(std::size_t n) {
  std::atomic<std::size_t> left{n};
  std::promise<void> done;
  for (std::size_t i = 0; i < n; ++i) asio::post(state_->pool, state::counted{&left, &done});
  done.get_future().get();
}

void asio_peer::timers(std::size_t n) {
  std::atomic<std::size_t> left{n};
  std::promise<void> done;
  std::vector<asio::steady_timer> all;
  all.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    all.emplace_back(state_->pool, std::chrono::nanoseconds(1 + (i * 7919) % 1'000'000));
    all.back().async_wait([c = state::counted{&left, &done}](std::error_code) { c(); });
  }
  done.get_future().get();
}

}  // namespace bench
