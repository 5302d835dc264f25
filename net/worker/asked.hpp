#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace weft::net {

/// What a peer has asked for by one request. Its values are sent by several threads, and it is stopped by another:
/// when stop() returns, nothing more of it has been given to the link, nor will be.
class asked_request {
 public:
  /// Calls f, which sends, unless it is stopped.
  template <class F>
  void send(F f) {
    std::lock_guard guard(lock_);
    if (!stopped_) f();
  }
  /// Calls f, which says that it is.
  template <class F>
  void stop(F f) {
    std::lock_guard guard(lock_);
    stopped_ = true;
    f();
  }
  bool stopped() {
    std::lock_guard guard(lock_);
    return stopped_;
  }

 private:
  std::mutex lock_;
  bool stopped_ = false;
};

/// The requests of one link, by number, as long as something of them is on its way out. Its calls come one at a time.
class asked_requests {
 public:
  std::shared_ptr<asked_request> add(std::uint64_t number) {
    if (all_.size() >= sweep_at_) {
      std::erase_if(all_, [](const auto& r) { return r.second.expired(); });
      sweep_at_ = std::max(least_sweep, 2 * all_.size());
    }
    if (auto there = find(number)) return there;
    auto made = std::make_shared<asked_request>();
    all_[number] = made;
    return made;
  }
  /// Null: nothing of it is on its way.
  std::shared_ptr<asked_request> find(std::uint64_t number) const {
    const auto at = all_.find(number);
    return at == all_.end() ? nullptr : at->second.lock();
  }

 private:
  static constexpr std::size_t least_sweep = 64;
  std::unordered_map<std::uint64_t, std::weak_ptr<asked_request>> all_;
  std::size_t sweep_at_ = least_sweep;
};

}  // namespace weft::net
