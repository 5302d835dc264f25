#include "array/writers.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "weft/environment.hpp"
#include "weft/errors.hpp"
#include "weft/stop.hpp"
#include "weft/sync.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::chrono::seconds longest_answer{60};
constexpr int before_others = 32767;  // the priority of what waits for writers

/// Those of this process.
class all_writers {
 public:
  void enter(std::uint64_t number) {
    std::lock_guard guard(lock_);
    if (std::find(ended_.begin(), ended_.end(), number) != ended_.end()) throw cancelled();
    std::shared_ptr<some>& own = under_way_[number];
    if (!own) own = std::make_shared<some>();
    ++own->count;
  }
  void leave(std::uint64_t number) noexcept {
    std::shared_ptr<some> last;
    {
      std::lock_guard guard(lock_);
      const auto at = under_way_.find(number);
      if (--at->second->count != 0) return;
      last = std::move(at->second);
      under_way_.erase(at);
    }
    last->gone.set();
  }
  /// Null when none is under way.
  std::shared_ptr<event> end(std::uint64_t number) {
    std::lock_guard guard(lock_);
    if (ended_.size() == most_ended) ended_.pop_front();
    ended_.push_back(number);
    const auto at = under_way_.find(number);
    if (at == under_way_.end()) return nullptr;
    return {at->second, &at->second->gone};
  }

 private:
  /// A task that was cancelled begins a moment later, if at all: not after so many further calls have failed.
  static constexpr std::size_t most_ended = 4096;
  struct some {
    std::size_t count = 0;
    event gone;
  };
  std::mutex lock_;
  std::map<std::uint64_t, std::shared_ptr<some>> under_way_;
  std::deque<std::uint64_t> ended_;
};

/// Never destroyed: tasks may outlive what is.
all_writers& writers() {
  static auto* const all = new all_writers;
  return *all;
}

/// False: not all workers have answered.
task<bool> end_writing(client c, std::uint64_t number) {
  bool certain = true;
  try {
    const cluster_info there = co_await c.cluster();
    std::vector<future<>> answers;
    for (const worker_info& w : there.workers)
      answers.push_back(c.with({.priority = before_others,
                                .time_limit = longest_answer,
                                .workers = w.address,
                                .allow_other_workers = true})  // one that is lost writes nothing more
                            .submit(end_writing_task{number}));
    co_await c.wait(answers);
    certain = std::all_of(answers.begin(), answers.end(),
                          [](const future<>& f) { return f.status() == task_status::done; });
  } catch (...) { certain = false; }  // the cluster is out of reach
  co_await end_writing_here(number);
  co_return certain;
}

}  // namespace

std::uint64_t number_of_writing() noexcept { return real_environment().random(); }

writing::writing(std::uint64_t number) : number_(number) { writers().enter(number); }
writing::~writing() { writers().leave(number_); }

task<> end_writing_here(std::uint64_t number) {
  const std::shared_ptr<event> gone = writers().end(number);
  if (gone) co_await gone->wait();
}

task<writing_end> run_writers(client c, layer<> writes, std::uint64_t number) {
  writing_end end;
  try {
    co_await c.run(writes);
  } catch (...) { end.failure = std::current_exception(); }
  if (end.failure) end.certain = co_await shield(end_writing(c, number));
  co_return end;
}

}  // namespace weft::detail::arrays
