#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <random>
#include <system_error>
#include <thread>

#include "env/machine_memory.hpp"
#include "weft/environment.hpp"

namespace weft {
namespace {

class real_thread final : public environment::thread {
 public:
  explicit real_thread(std::thread t) : thread_(std::move(t)) {}
  void join() override { thread_.join(); }

 private:
  std::thread thread_;
};

class real final : public environment {
 public:
  time_point now() noexcept override { return std::chrono::steady_clock::now(); }

  std::uint64_t random() noexcept override {
    // splitmix64 (Steele, Lea, Flood, OOPSLA 2014) over a counter that starts at random
    std::uint64_t z = state_.fetch_add(0x9e3779b97f4a7c15u, std::memory_order_relaxed);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  std::uint64_t resident_memory() noexcept override { return detail::resident_memory(); }
  void trim_memory() noexcept override { detail::trim_memory(); }

  std::unique_ptr<thread> start_thread(thread_options options, std::function<void()> body) override {
    std::thread t([options, body = std::move(body)] {
      if (!options.name.empty()) ::pthread_setname_np(::pthread_self(), options.name.substr(0, 15).c_str());
      if (options.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(static_cast<std::size_t>(options.cpu), &set);
        // A processor that was taken away meanwhile is no reason to fail: the thread then runs anywhere.
        ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
      }
      body();
    });
    return std::make_unique<real_thread>(std::move(t));
  }

 private:
  std::atomic<std::uint64_t> state_{(std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()};
};

}  // namespace

environment& real_environment() noexcept {
  static real instance;
  return instance;
}

}  // namespace weft
