// What a client's program does: graphs of the usual shapes, and changes of mind.
#include <algorithm>
#include <utility>

#include "cluster/simulation/client_process.hpp"

namespace weft::net::simulation {

void client_process::act() {
  if (last_reads_) return;
  send_the_rest();
  const std::uint64_t what = dice_.below(10);
  if (budget_ != 0 && what < 5) {
    const bool whole = program_.graphs && dice_.one_in(2);
    if (whole) begin_gathering();
    submit_graph();
    if (whole) tell_gathered();
    return;
  }
  if (held_.empty()) return;
  const std::uint32_t i = any_held();
  future& f = futures_[i];
  const task_id id = id_of(i);
  switch (what) {
    case 5:
    case 6:
      if (dice_.one_in(2)) read(i);
      return;
    case 7:
      release(i);
      return;
    case 8:
      if (!program_.cancels || f.offered) return;
      if (f.at == state::pending) {
        f.cancel_asked = true;
        core_->cancel({&id, 1});
      } else if (f.at != state::finished) {
        core_->retry({&id, 1});
      }
      return;
    default:
      if (f.at == state::failed && dice_.one_in(2)) core_->retry({&id, 1});
      // Seldom: who has submitted all does little else, and each wish is a message that a busy scheduler reads later.
      if (f.at != state::failed && dice_.one_in(16))
        core_->replicate({&id, 1}, static_cast<std::uint32_t>(1 + dice_.below(3)));
      if (dice_.one_in(64)) core_->rebalance();
      if (dice_.one_in(16)) core_->ask({});
      return;
  }
}

std::uint32_t client_process::any_held() { return held_[static_cast<std::size_t>(dice_.below(held_.size()))]; }

std::uint32_t client_process::submit(std::vector<std::uint32_t> inputs, bool wanted) {
  future f;
  f.spec.token = tokens_ = mix(tokens_, 1);
  f.spec.run_ns = static_cast<std::uint32_t>(100'000 + dice_.below(program_.longest_run_ns));
  if (dice_.one_in(3)) f.spec.run_ns /= 20;
  f.spec.bytes =
      static_cast<std::uint32_t>(dice_.one_in(12) ? dice_.below(program_.largest_value + 1) : dice_.below(2000));
  if (dice_.one_in(16)) f.spec.does = behaviour::waits;
  if (program_.failures && dice_.one_in(24)) f.spec.does = dice_.one_in(2) ? behaviour::fails : behaviour::flaky;
  if (program_.killers && dice_.one_in(100)) f.spec.does = behaviour::kills;
  if (program_.submitters && dice_.one_in(24)) {
    f.spec.does = behaviour::submits;
    f.spec.children = static_cast<std::uint8_t>(dice_.below(5));
    f.spec.depth = static_cast<std::uint8_t>(1 + dice_.below(2));
  }
  f.spec.gpu = program_.gpus && dice_.one_in(6);
  f.once = program_.onces && dice_.one_in(32);
  f.offered = program_.scatters && inputs.empty() && wanted && dice_.one_in(3);
  if (f.offered) {
    f.spec.does = behaviour::plain;
    f.spec.gpu = f.spec.gpu && dice_.one_in(2);
    f.spec.bytes = static_cast<std::uint32_t>(1 + dice_.below(program_.largest_value));
    f.once = false;
  }
  if (graph_) f.offered = false, f.spec.gpu = graph_->gpu;
  std::uint64_t answer = begin_answer(f.spec);
  std::vector<task_id> ids;
  for (const std::uint32_t i : inputs) {
    answer = mix(answer, futures_[i].answer);
    ids.push_back(id_of(i));
  }
  f.answer = children_answer(f.spec, answer);
  f.inputs = std::move(inputs);
  f.held = wanted;

  submit_task t{};
  t.function.offset = static_cast<std::uint64_t>(f.spec.does) + 1;
  t.rank = futures_.size();
  t.flags = wanted ? task_wanted : 0u;
  if (dice_.one_in(3)) t.flags |= task_inline;
  if (f.spec.does == behaviour::waits) t.flags |= task_waits;
  if (f.spec.does == behaviour::submits) t.flags |= task_waits | task_submits;
  if (f.once) t.flags |= task_once;
  t.options = f.spec.gpu;
  if (f.spec.does == behaviour::flaky) t.retries = static_cast<std::uint16_t>(dice_.below(4));
  t.priority = static_cast<std::int16_t>(dice_.one_in(10) ? 5 : 0);
  t.inputs = ids;
  t.call = std::as_bytes(std::span(&f.spec, 1));
  const offered_call offered{f.spec.bytes, secret_};
  if (f.offered) {
    t.flags = task_wanted | task_constant | task_offered;
    t.call = std::as_bytes(std::span(&offered, 1));
  }
  if (graph_)
    graph_->tasks.push_back(t.flags & graph_flags);
  else
    must(number_of(core_->submit(t)) == futures_.size() + 1, "tasks are numbered in their order");
  futures_.push_back(std::move(f));
  const auto index = static_cast<std::uint32_t>(futures_.size() - 1);
  if (wanted && !graph_) {
    held_.push_back(index);
    ++pending_;
  }
  if (budget_ != 0) --budget_;
  return index;
}

void client_process::submit_graph() {
  const auto n =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(budget_, 1 + dice_.below(program_.largest_graph)));
  const auto some = [&]() -> std::vector<std::uint32_t> {  // an older task that is held
    if (held_.empty() || !dice_.one_in(3)) return {};
    return {any_held()};
  };
  std::vector<std::uint32_t> row, next;
  std::uint32_t made = 0;
  const auto add = [&](std::vector<std::uint32_t> inputs, bool wanted) {
    ++made;
    return submit(std::move(inputs), wanted);
  };
  // What has no dependent in the graph is wanted; of the rest a half.
  const auto inner = [&] { return dice_.one_in(2); };
  switch (dice_.below(7)) {
    case 0:  // independent
      while (made < n) add(some(), true);
      return;
    case 1: {  // a chain
      std::vector<std::uint32_t> last = some();
      while (made < n) last = {add(last, made + 1 == n || inner())};
      return;
    }
    case 2: {  // a tree of pairs
      const std::uint32_t leaves = (n + 1) / 2;
      for (std::uint32_t i = 0; i < leaves; ++i) row.push_back(add(some(), leaves == 1 || inner()));
      while (row.size() > 1) {
        next.clear();
        for (std::size_t i = 0; i + 1 < row.size(); i += 2)
          next.push_back(add({row[i], row[i + 1]}, row.size() <= 3 || inner()));
        if (row.size() % 2) {
          if (next.empty() || row.size() <= 3)
            return void(add({row.back(), next.empty() ? row[0] : next.back()}, true));
          next.push_back(row.back());
        }
        row.swap(next);
      }
      return;
    }
    case 3: {  // one to many, many to one
      const std::uint32_t root = add(some(), n == 1 || inner());
      if (n == 1) return;
      for (std::uint32_t i = 0; i + 2 < n; ++i) row.push_back(add({root}, n > 2 ? inner() : true));
      row.push_back(root);
      add(row, true);
      return;
    }
    case 4: {  // a stencil of Task Bench
      const auto width = static_cast<std::uint32_t>(1 + dice_.below(6));
      const std::uint32_t steps = std::max(1u, n / width);
      for (std::uint32_t step = 0; step < steps; ++step) {
        next.clear();
        for (std::uint32_t x = 0; x < width; ++x) {
          std::vector<std::uint32_t> inputs;
          if (step != 0)
            for (std::uint32_t y = x == 0 ? 0 : x - 1; y < std::min(width, x + 2); ++y) inputs.push_back(row[y]);
          next.push_back(add(std::move(inputs), step + 1 == steps || inner()));
        }
        row.swap(next);
      }
      return;
    }
    case 5: {  // maps and reductions
      const std::uint32_t maps = std::max(1u, n * 2 / 3);
      for (std::uint32_t i = 0; i < maps; ++i) row.push_back(add(some(), inner()));
      do add(row, true);
      while (made < n);
      return;
    }
    default:  // anything
      while (made < n) {
        std::vector<std::uint32_t> inputs;
        for (std::uint64_t k = dice_.below(4); k > 0 && !row.empty(); --k)
          inputs.push_back(row[static_cast<std::size_t>(dice_.below(row.size()))]);
        row.push_back(add(std::move(inputs), true));
      }
      return;
  }
}

void client_process::submit_simple() {
  futures_.reserve(budget_);
  held_.reserve(budget_);
  while (budget_ != 0) {
    future f;
    f.spec.token = tokens_ = mix(tokens_, 1);
    f.spec.run_ns = program_.longest_run_ns;
    f.spec.bytes = 8;
    f.answer = begin_answer(f.spec);
    f.held = true;
    submit_task t{};
    t.function.offset = 1;
    t.rank = futures_.size();
    t.flags = task_wanted | task_inline;
    t.call = std::as_bytes(std::span(&f.spec, 1));
    core_->submit(t);
    held_.push_back(static_cast<std::uint32_t>(futures_.size()));
    futures_.push_back(std::move(f));
    ++pending_;
    --budget_;
  }
}

void client_process::read(std::uint32_t index) {
  future& f = futures_[index];
  if (f.reading || f.at == state::failed || f.at == state::cancelled) return;
  f.reading = true;
  ++reading_;
  core_->read(id_of(index), index);
}

void client_process::release(std::uint32_t index) {
  future& f = futures_[index];
  if (!std::exchange(f.held, false)) return;
  if (f.at == state::pending) --pending_;
  if (std::exchange(f.reading, false)) --reading_;
  if (f.offered) {
    f.kept = true;
    core_->let_go(id_of(index));
  } else {
    core_->release(id_of(index));
  }
  if (!program_.simple) std::erase(held_, index);
}

/// All is submitted: when it has ended, values are read, and then everything is let go.
void client_process::finish_program() {
  send_the_rest();
  if (pending_ != 0 || reading_ != 0) return;
  if (!std::exchange(last_reads_, true) && !program_.simple) {
    for (const std::uint32_t i : held_)
      if (futures_[i].at == state::finished && dice_.one_in(2)) read(i);
    if (reading_ != 0) return;
  }
  const std::vector<std::uint32_t> all = held_;
  for (const std::uint32_t i : all) release(i);
  held_.clear();
  done_ = true;
}

}  // namespace weft::net::simulation
