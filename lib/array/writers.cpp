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
#include "weft/timeout.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::chrono::seconds longest_answer{60};
constexpr std::chrono::seconds before_looking_again{1};
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

/// A worker that has been asked to end its tasks of a number.
struct asked_worker {
  std::string address;
  future<> answer;
};

task<> wait_for_all(client c, std::vector<future<>> answers) { co_await c.wait(std::move(answers)); }

/// Waits for answers, for so long at most.
task<> wait_a_while(client c, const std::vector<asked_worker>& asked) {
  std::vector<future<>> answers;
  for (const asked_worker& w : asked) answers.push_back(w.answer);
  try {
    co_await timeout(before_looking_again, wait_for_all(std::move(c), std::move(answers)));
  } catch (const timed_out&) {}  // the caller looks who is there
}

bool is_over(task_status s) { return s != task_status::pending && s != task_status::running; }
bool is_listed(const cluster_info& there, const std::string& address) {
  return std::any_of(there.workers.begin(), there.workers.end(),
                     [&](const worker_info& w) { return w.address == address; });
}

/// Whether each worker has ended its tasks of that number. Each answers for itself: no other one may, while it waits
/// for memory, say, or all its slots are leased. One that the cluster has no more writes nothing more.
task<bool> have_all_ended(client c, std::uint64_t number) {
  std::vector<asked_worker> asked;
  cluster_info there = co_await c.cluster();
  for (const worker_info& w : there.workers) {
    const client one = c.with({.priority = before_others, .time_limit = longest_answer, .workers = w.address});
    asked.push_back({w.address, one.submit(end_writing_task{number})});
  }
  for (;;) {
    co_await wait_a_while(c, asked);
    std::erase_if(asked, [](const asked_worker& w) { return w.answer.status() == task_status::done; });
    if (asked.empty()) co_return true;
    there = co_await c.cluster();
    std::erase_if(asked, [&](const asked_worker& w) { return !is_listed(there, w.address); });
    for (const asked_worker& w : asked)
      if (is_over(w.answer.status())) co_return false;  // it has not answered in time
  }
}

/// False: not all workers have answered.
task<bool> end_writing(client c, std::uint64_t number) {
  bool certain = false;
  try {
    certain = co_await have_all_ended(std::move(c), number);
  } catch (...) {}  // the cluster is out of reach
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

task<writing_end> run_writers(client c, layer<nothing> writes, std::uint64_t number) {
  writing_end end;
  try {
    co_await c.run(writes);
  } catch (...) { end.failure = std::current_exception(); }
  if (end.failure) end.certain = co_await shield(end_writing(c, number));
  co_return end;
}

}  // namespace weft::detail::arrays
