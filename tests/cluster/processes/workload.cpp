#include "cluster/processes/workload.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/layers.hpp"
#include "weft/layer.hpp"
#include "weft/lease.hpp"
#include "weft/remote_error.hpp"

namespace weft::net::processes {

namespace {

using namespace std::chrono_literals;

// ---- what tasks do -----------------------------------------------------------------------------------------------

enum class behaviour : std::uint8_t {
  plain,
  waits,    // a coroutine that sleeps
  lasts,    // the same, beyond any time limit
  fails,    // each time
  flaky,    // the first time
  submits,  // as many tasks as it has children, and awaits them
};

/// The arguments of a task.
struct order {
  std::uint64_t token = 0;  // another for each task
  std::uint32_t words = 0;  // of the result
  std::uint32_t run_us = 0;
  std::uint32_t children = 0, depth = 0;
};

/// What a task gives: a hash of what it took, and words that are made from it.
struct answer {
  std::uint64_t hash = 0;
  std::vector<std::uint64_t> body;
};

/// A task is a function, which knows nothing but its arguments.
struct surroundings {
  simulation* time = nullptr;
  std::set<std::uint64_t> failed_once;  // tokens
} here;

void compute(const order& o) {
  if (o.run_us != 0 && here.time) here.time->keep_busy(std::chrono::microseconds(o.run_us));
}

std::uint64_t word(std::uint64_t hash, std::size_t i) { return hash * 0x9e3779b97f4a7c15u + i; }

answer make(std::uint64_t hash, std::uint32_t words) {
  answer a;
  a.hash = hash;
  a.body.resize(words);
  for (std::size_t i = 0; i < a.body.size(); ++i) a.body[i] = word(hash, i);
  return a;
}

bool is_whole(const answer& a) {
  for (std::size_t i = 0; i < a.body.size(); ++i)
    if (a.body[i] != word(a.hash, i)) return false;
  return true;
}

order child_of(const order& o, std::uint32_t i) {
  order part;
  part.token = mix(o.token, i + 1);
  part.words = o.words;
  part.run_us = o.run_us / 4;
  part.depth = o.depth - 1;
  part.children = part.depth == 0 ? 0 : o.children;
  return part;
}

/// The hash that the task has to give, but for what it takes.
std::uint64_t begin_hash(const order& o) { return mix(o.token, 7); }
std::uint64_t end_hash(std::uint64_t hash, const order& o) {
  for (std::uint32_t i = 0; i < o.children; ++i) {
    const order part = child_of(o, i);
    hash = mix(hash, end_hash(begin_hash(part), part));
  }
  return hash;
}

std::uint64_t take(const order& o, values<answer> in) {
  std::uint64_t hash = begin_hash(o);
  for (const answer& a : in) {
    if (!is_whole(a)) throw std::logic_error("the value of an input is damaged");
    hash = mix(hash, a.hash);
  }
  return hash;
}

answer plain(order o, values<answer> in) {
  compute(o);
  return make(take(o, in), o.words);
}
answer alone(order o) {
  compute(o);
  return make(begin_hash(o), o.words);
}
task<answer> waits(order o, values<answer> in) {
  const std::uint64_t hash = take(o, in);
  co_await sleep_for(std::chrono::microseconds(o.run_us));
  co_return make(hash, o.words);
}
task<answer> lasts(order, values<answer>) {
  co_await sleep_for(24h);
  throw std::logic_error("a task has outlasted its time limit");
}
answer fails(order, values<answer>) { throw std::runtime_error("as planned"); }
answer flaky(order o, values<answer> in) {
  if (here.failed_once.insert(o.token).second) throw std::runtime_error("for the first time");
  return plain(o, in);
}
task<answer> submits_alone(client& c, order o);
task<answer> submit_children(client& c, order o, std::uint64_t hash) {
  std::vector<future<answer>> children;
  for (std::uint32_t i = 0; i < o.children; ++i) {
    const order part = child_of(o, i);
    children.push_back(part.depth == 0 ? c.submit(alone, part) : c.submit(submits_alone, part));
  }
  for (future<answer>& f : children) {
    const answer a = co_await std::move(f);
    if (!is_whole(a)) throw std::logic_error("the value of a child is damaged");
    hash = mix(hash, a.hash);
  }
  co_return make(hash, o.words);
}
task<answer> submits_alone(client& c, order o) { co_return co_await submit_children(c, o, begin_hash(o)); }
task<answer> submits(client& c, order o, values<answer> in) {
  const std::uint64_t hash = take(o, in);
  co_return co_await submit_children(c, o, hash);
}

// ---- a program ---------------------------------------------------------------------------------------------------

/// What a task of the graph must give: a value, or a failure.
struct planned {
  future<answer> result;
  std::optional<std::uint64_t> hash;
  bool may_be_cancelled = false, may_be_late = false;
  bool scattered = false;  // it is, or takes what is: lost with its worker when nobody has that future any more
};

class program {
 public:
  program(const client& c, const plan& p, std::uint64_t seed, findings& found)
      : client_(c),
        options_(p.program),
        any_fault_(!p.faults.empty()),
        disks_fail_(p.has(fault_kind::disk_errors)),
        dice_(seed),
        found_(found) {}

  task<> submit_graphs();
  task<> call_by_lease();
  task<> compute_layers();

 private:
  void wrong(const std::string& what) {
    if (found_.wrong.empty()) found_.wrong = what;
  }
  order any_order();
  void submit_one();
  task<> look_at(std::size_t i);
  task<> look_at_call(future<answer> f, std::uint64_t hash, bool once);

  client client_;
  const program_options options_;
  const bool any_fault_, disks_fail_;
  simulated_random dice_;
  findings& found_;
  std::vector<planned> tasks_;
};

order program::any_order() {
  order o;
  o.token = dice_();
  o.words = static_cast<std::uint32_t>(dice_.one_in(8) ? dice_.below(options_.most_words + 1) : dice_.below(50));
  o.run_us = static_cast<std::uint32_t>(dice_.below(static_cast<std::uint64_t>(options_.longest_run.count()) + 1));
  if (dice_.one_in(3)) o.run_us /= 100;
  return o;
}

void program::submit_one() {
  order o = any_order();
  planned t;
  t.hash = begin_hash(o);
  if (dice_.one_in(12)) {
    t.scattered = true;
    if (dice_.one_in(3))
      o.words = static_cast<std::uint32_t>(dice_.below(4 * std::uint64_t{options_.most_words} + 1));
    t.result = client_.scatter(make(*t.hash, o.words));
    tasks_.push_back(std::move(t));
    return;
  }
  std::vector<future<answer>> inputs;
  // Mostly of late ones: so chains grow.
  for (std::uint64_t k = tasks_.empty() ? 0 : dice_.below(4); k > 0; --k) {
    const std::size_t among = dice_.one_in(2) ? std::min<std::size_t>(tasks_.size(), 6) : tasks_.size();
    const planned& from = tasks_[tasks_.size() - 1 - static_cast<std::size_t>(dice_.below(among))];
    if (!from.result.valid()) continue;
    inputs.push_back(from.result);
    t.may_be_cancelled = t.may_be_cancelled || from.may_be_cancelled;
    t.may_be_late = t.may_be_late || from.may_be_late;
    t.scattered = t.scattered || from.scattered;
    t.hash = t.hash && from.hash ? std::optional(mix(*t.hash, *from.hash)) : std::nullopt;
  }
  auto does = behaviour::plain;
  if (dice_.one_in(5)) does = behaviour::waits;
  if (options_.failures && dice_.one_in(20)) does = behaviour::fails;
  if (options_.failures && dice_.one_in(20)) does = behaviour::flaky;
  if (options_.submitters && dice_.one_in(10)) does = behaviour::submits;
  task_options how;
  how.priority = static_cast<int>(dice_.below(3));
  how.retries = does == behaviour::flaky ? 1 : static_cast<unsigned>(dice_.below(2));
  if (options_.deadlines && dice_.one_in(6)) {
    how.time_limit = std::chrono::microseconds(dice_.between(1, 50'000));
    t.may_be_late = true;
    if (dice_.one_in(3)) does = behaviour::lasts;
  }
  const client with = client_.with(how);
  switch (does) {
    case behaviour::plain:
      t.result = with.submit(plain, o, inputs);
      break;
    case behaviour::waits:
      t.result = with.submit(waits, o, inputs);
      break;
    case behaviour::lasts:
      t.result = with.submit(lasts, o, inputs);
      t.hash = std::nullopt;
      break;
    case behaviour::fails:
      t.result = with.submit(fails, o, inputs);
      t.hash = std::nullopt;
      break;
    case behaviour::flaky:
      t.result = with.submit(flaky, o, inputs);
      break;
    case behaviour::submits:
      o.depth = static_cast<std::uint32_t>(1 + dice_.below(2));
      o.children = static_cast<std::uint32_t>(dice_.below(5));
      if (t.hash) t.hash = end_hash(*t.hash, o);
      t.result = with.submit(submits, o, inputs);
      break;
  }
  tasks_.push_back(std::move(t));
}

task<> program::submit_graphs() {
  for (std::uint32_t left = options_.tasks; left > 0;) {
    for (std::uint64_t n = 1 + dice_.below(20); n > 0 && left > 0; --n, --left) submit_one();
    if (options_.cancels && dice_.one_in(3)) {
      const planned& t = tasks_[static_cast<std::size_t>(dice_.below(tasks_.size()))];
      if (t.result.valid()) t.result.cancel();
      // What depends on it may be cancelled too, and so may what it depends on.
      for (planned& all : tasks_) all.may_be_cancelled = true;
    }
    if (options_.replicas) {
      const planned& t = tasks_[static_cast<std::size_t>(dice_.below(tasks_.size()))];
      if (t.result.valid()) client_.replicate(t.result, static_cast<unsigned>(1 + dice_.below(3)));
      if (dice_.one_in(4)) client_.rebalance();
    }
    if (dice_.one_in(4)) co_await look_at(static_cast<std::size_t>(dice_.below(tasks_.size())));
    if (dice_.one_in(4)) tasks_[static_cast<std::size_t>(dice_.below(tasks_.size()))].result = {};
    co_await sleep_for(std::chrono::microseconds(dice_.below(20'000)));
  }
  for (std::size_t i = 0; i < tasks_.size(); ++i)
    if (!dice_.one_in(4)) co_await look_at(i);
  tasks_.clear();
}

task<> program::look_at(std::size_t i) {
  if (!tasks_[i].result.valid()) co_return;
  const future<answer> result = tasks_[i].result;
  const std::optional<std::uint64_t> hash = tasks_[i].hash;
  const std::string name = "task " + std::to_string(i + 1);
  std::string failed;
  bool was_cancelled = false, was_late = false;
  std::optional<answer> got;
  try {
    got = co_await result;
  } catch (const weft::task_failed& e) { failed = e.what(); } catch (const cancelled&) {
    was_cancelled = true;
  } catch (const timed_out&) { was_late = true; }
  // There was a value, which was lost, and its task was cancelled before it was made again.
  was_cancelled = was_cancelled || failed.find("brought back: weft::cancelled") != std::string::npos;
  was_late = was_late || failed.find("brought back: weft::timed_out") != std::string::npos;
  const bool may_be_late = tasks_[i].may_be_late, may_be_cancelled = tasks_[i].may_be_cancelled || may_be_late;
  if (got) {
    ++found_.values;
    if (!hash)
      wrong(name + " has given a value, and should have failed");
    else if (got->hash != *hash || !is_whole(*got))
      wrong(name + " has given another value than it should");
  } else if (is_loss_of_cluster(failed)) {
    found_.cluster_lost = true;
  } else if (was_cancelled) {
    ++found_.cancelled;
    if (!may_be_cancelled) wrong(name + " was cancelled, by nobody");
  } else if (was_late) {
    ++found_.late;
    if (!may_be_late) wrong(name + " was late, and has no time limit");
  } else if (disks_fail_ && failed.find("/disk/") != std::string::npos) {
    ++found_.failures;  // a value could not be written: nobody but the caller can help
  } else if (tasks_[i].scattered && any_fault_ && failed.find("the client that has scattered it") != failed.npos) {
    ++found_.failures;
  } else {
    ++found_.failures;
    if (hash || failed.find("as planned") == std::string::npos) wrong(name + " has failed: " + failed);
  }
}

task<> program::compute_layers() {
  using layers::number;
  const std::size_t n = 1 + static_cast<std::size_t>(dice_.below(40)),
                    k = 1 + static_cast<std::size_t>(dice_.below(5));
  const auto first = layer_of(n, layers::leaf);
  const auto second = layer_of(n, layers::fold, from(first, neighbours{1}));
  const auto third = layer_of((n + k - 1) / k, layers::waits, from(second, blocks{k}));
  std::vector<number> expected;
  for (std::size_t i = 0; i < n; ++i) expected.push_back(layers::leaf(i));
  expected = layers::sequential(n, expected, neighbours{1});
  expected = layers::sequential((n + k - 1) / k, expected, blocks{k});
  auto results = client_.compute(third);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const number got = co_await results[i];
    ++found_.values;
    if (got != expected[i]) wrong("task " + std::to_string(i) + " of a layer has given another value than it should");
  }
}

task<> program::look_at_call(future<answer> f, std::uint64_t hash, bool once) {
  std::optional<answer> got;
  std::string failed, type;
  try {
    got = co_await std::move(f);
  } catch (const weft::task_failed& e) {
    failed = e.what();
    try {
      std::rethrow_exception(e.error());
    } catch (const remote_error& inner) { type = inner.type(); } catch (const std::exception&) {
    }
  }
  if (got) {
    ++found_.calls;
    if (got->hash != hash || !is_whole(*got)) wrong("a call under a lease has given another value than it should");
  } else if (is_loss_of_cluster(failed)) {
    found_.cluster_lost = true;
  } else {
    ++found_.lost_calls;
    if (!once || !any_fault_ || type != "weft::lost") wrong("a call under a lease has failed: " + failed);
  }
}

task<> program::call_by_lease() {
  for (std::uint32_t left = options_.calls; left > 0;) {
    lease_options how;
    how.slots = static_cast<unsigned>(dice_.between(1, options_.slots));
    how.once = dice_.one_in(4);
    const lease l = co_await client_.lease(how);
    for (std::uint64_t n = 1 + dice_.below(10); n > 0 && left > 0;) {
      std::vector<std::pair<future<answer>, std::uint64_t>> calls;
      for (std::uint64_t k = 1 + dice_.below(5); k > 0 && n > 0 && left > 0; --k, --n, --left) {
        const order o = any_order();
        calls.emplace_back(l.call(alone, o), begin_hash(o));
      }
      for (auto& [f, hash] : calls) co_await look_at_call(std::move(f), hash, how.once);
      co_await sleep_for(std::chrono::microseconds(dice_.below(20'000)));
    }
  }
}

/// Says what it threw, instead of throwing it.
task<> carefully(task<> t, const char* what, findings& found) {
  std::string failed;
  try {
    co_await std::move(t);
  } catch (const std::exception& e) { failed = std::string(what) + ": " + e.what(); }
  if (is_loss_of_cluster(failed))
    found.cluster_lost = true;
  else if (!failed.empty() && found.wrong.empty())
    found.wrong = failed;
}

}  // namespace

bool is_loss_of_cluster(std::string_view what) noexcept {
  return what.find("weft: the cluster is gone: ") != std::string_view::npos;
}

computing::computing(simulation& where) noexcept { here.time = &where; }
computing::~computing() { here = {}; }

task<> run_program(const client& c, const plan& p, std::uint64_t seed, findings& found) {
  program graphs(c, p, seed, found), calls(c, p, seed + 1, found), of_layers(c, p, seed + 2, found);
  std::vector<task<>> all;
  all.push_back(carefully(graphs.submit_graphs(), "the graphs", found));
  if (p.program.calls) all.push_back(carefully(calls.call_by_lease(), "the calls", found));
  if (p.program.layers) all.push_back(carefully(of_layers.compute_layers(), "the layers", found));
  co_await weft::all(std::move(all));
}

}  // namespace weft::net::processes
