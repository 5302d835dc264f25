#include "scheduler/task_table.hpp"

#include <algorithm>
#include <cstring>

namespace weft::net {

slot task_table::add(task_id id, std::span<const slot> inputs, std::span<const std::byte> call) {
  slot t = free_;
  if (t != no_task) {
    free_ = (*this)[t].next;
  } else {
    if (end_ >> chunk_bits >= chunks_.size()) chunks_.push_back(std::make_unique_for_overwrite<chunk>());
    t = end_++;
  }
  task_record& r = (*this)[t];
  r = {};
  r.id = id;
  r.state = task_state::waiting;
  r.holders = no_holder;
  r.inputs_count = static_cast<std::uint32_t>(inputs.size());
  if (inputs.size() == 1) {
    r.inputs = inputs[0];
  } else if (!inputs.empty()) {
    r.inputs = pool_.allocate(inputs.size_bytes());
    std::memcpy(pool_.at(r.inputs), inputs.data(), inputs.size_bytes());
  }
  task_call& c = this->call(t);
  c = {};
  c.call_bytes = static_cast<std::uint32_t>(call.size());
  if (!call.empty()) {
    c.call = pool_.allocate(call.size());
    std::memcpy(pool_.at(c.call), call.data(), call.size());
    payload_bytes_ += block_pool::capacity(call.size());
  }
  for (const slot i : inputs) add_dependent(i, t);
  index(id, t);
  ++size_;
  return t;
}

void task_table::forget(slot t) noexcept {
  task_record& r = (*this)[t];
  task_call& c = call(t);
  unindex(r.id);
  // One mention of its own keeps the slot until the end, though a sweep may take out all others meanwhile.
  r.state = task_state::gone;
  r.worker = 1;
  ++gone_;
  // Rows are swept when all mentions are counted: an input may be named twice.
  for (const slot i : inputs(t)) remove_dependent(i, t);
  for (const slot i : inputs(t)) sweep_if_due(i);
  if (r.inputs_count > 1) pool_.free(r.inputs, r.inputs_count * sizeof(slot));
  if (c.call_bytes) {
    payload_bytes_ -= block_pool::capacity(c.call_bytes);
    pool_.free(c.call, c.call_bytes);
  }
  free_dependents(t);
  clear_holders(t);
  --size_;
  unmention(t);
}

void task_table::release(slot t) noexcept {
  (*this)[t].state = task_state::free;
  (*this)[t].next = free_;
  free_ = t;
}

void task_table::trim() noexcept {
  if (size_ != 0 || gone_ != 0 || chunks_.size() <= 1) return;
  chunks_.resize(1);
  free_ = no_task;
  end_ = 1;
}

// ---- rows of dependents ------------------------------------------------------------------------------------------

void task_table::add_dependent(slot input, slot t) {
  task_record& r = (*this)[input];
  if (r.dependents_count == 0) {
    r.dependents = t;
  } else if (r.dependents_count == 1) {
    const std::size_t room = block_pool::capacity((row_header + 2) * sizeof(slot));
    const block_pool::ref block = pool_.allocate(room);
    slot* row = pool_.row(block);
    row[0] = 0;
    row[1] = static_cast<std::uint32_t>(room);
    row[row_header] = r.dependents;
    row[row_header + 1] = t;
    r.dependents = block;
  } else {
    slot* row = pool_.row(r.dependents);
    const std::size_t taken = (row_header + r.dependents_count) * sizeof(slot);
    if (taken == row[1]) {
      const std::size_t room = block_pool::capacity(taken + taken / 4 + sizeof(slot));
      const block_pool::ref block = pool_.allocate(room);
      slot* larger = pool_.row(block);
      std::memcpy(larger, row, taken);
      pool_.free(r.dependents, row[1]);
      larger[1] = static_cast<std::uint32_t>(room);
      r.dependents = block;
      row = larger;
    }
    row[row_header + r.dependents_count] = t;
  }
  ++r.dependents_count;
}

void task_table::remove_dependent(slot input, slot t) noexcept {
  task_record& r = (*this)[input];
  if (r.dependents_count == 1) {
    r.dependents_count = 0;
    return;
  }
  slot* row = pool_.row(r.dependents);
  if (r.dependents_count > short_row) {
    ++row[0];
    ++(*this)[t].worker;
    return;
  }
  slot* first = row + row_header;
  slot* last = first + r.dependents_count;
  slot* at = std::find(first, last, t);
  std::copy(at + 1, last, at);
  if (--r.dependents_count == 1) {
    const slot left = first[0];
    // The one that is left may be gone itself: then it is not mentioned any more.
    const bool dead = row[0] != 0;
    pool_.free(r.dependents, row[1]);
    r.dependents = left;
    if (dead) {
      r.dependents_count = 0;
      unmention(left);
    }
  }
}

/// Takes out of a row those that are gone, if these are most of it.
void task_table::sweep_if_due(slot input) noexcept {
  const task_record& r = (*this)[input];
  if (r.dependents_count > short_row && pool_.row(r.dependents)[0] * 2 > r.dependents_count) sweep(input);
}

void task_table::sweep(slot input) noexcept {
  task_record& r = (*this)[input];
  slot* row = pool_.row(r.dependents);
  slot* to = row + row_header;
  const slot* last = to + r.dependents_count;
  for (const slot* from = to; from != last; ++from) {
    if ((*this)[*from].state == task_state::gone)
      unmention(*from);
    else
      *to++ = *from;
  }
  row[0] = 0;
  const auto left = static_cast<std::uint32_t>(to - (row + row_header));
  r.dependents_count = left;
  if (left <= 1) {
    const slot only = row[row_header];
    pool_.free(r.dependents, row[1]);
    r.dependents = only;
  } else if (const std::size_t room = block_pool::capacity((row_header + left) * sizeof(slot)); room * 2 <= row[1]) {
    const block_pool::ref block = pool_.allocate(room);
    slot* smaller = pool_.row(block);
    std::memcpy(smaller, row, (row_header + left) * sizeof(slot));
    smaller[1] = static_cast<std::uint32_t>(room);
    pool_.free(r.dependents, row[1]);
    r.dependents = block;
  }
}

void task_table::free_dependents(slot t) noexcept {
  task_record& r = (*this)[t];
  if (r.dependents_count > 1) {
    for (const slot d : dependents(t)) unmention(d);
    pool_.free(r.dependents, pool_.row(r.dependents)[1]);
  }
  r.dependents_count = 0;
}

void task_table::unmention(slot t) noexcept {
  if (--(*this)[t].worker != 0) return;
  --gone_;
  release(t);
}

// ---- small values -----------------------------------------------------------------------------------------------

void task_table::keep_value(slot t, std::span<const std::byte> value) {
  if (value.empty()) return;
  task_record& r = (*this)[t];
  r.prev = pool_.allocate(value.size());
  r.next = static_cast<slot>(value.size());
  std::memcpy(pool_.at(r.prev), value.data(), value.size());
  value_bytes_ += value.size();
}

void task_table::drop_value(slot t) noexcept {
  task_record& r = (*this)[t];
  if (r.state != task_state::memory || r.next == 0) return;
  pool_.free(r.prev, r.next);
  value_bytes_ -= r.next;
  r.prev = r.next = no_task;
}

// ---- holders -----------------------------------------------------------------------------------------------------

std::span<const holder> task_table::holders(slot t) const noexcept {
  const task_record& r = (*this)[t];
  static_assert(sizeof(holder) == sizeof(std::uint32_t));
  if (r.holders == no_holder) return {};
  if (is_alone(r.holders)) return {reinterpret_cast<const holder*>(&r.holders), 1};
  const std::uint32_t* row = pool_.row(r.holders);
  return {reinterpret_cast<const holder*>(row + 1), row[0]};
}

bool task_table::add_holder(slot t, worker_index w, bool coming) {
  task_record& r = (*this)[t];
  const std::uint32_t added = w | (coming ? holder::coming_bit : 0);
  if (r.holders == no_holder) {
    r.holders = added | alone_bits;
    return true;
  }
  if (is_alone(r.holders)) {
    const holder only{r.holders};
    if (only.worker() == w) {
      if (!coming) r.holders = w | alone_bits;
      return false;
    }
    const block_pool::ref block = pool_.allocate(3 * sizeof(std::uint32_t));
    std::uint32_t* row = pool_.row(block);
    row[0] = 2;
    row[1] = only.bits & ~alone_bits;
    row[2] = added;
    r.holders = block;
    return true;
  }
  std::uint32_t* row = pool_.row(r.holders);
  const std::uint32_t n = row[0];
  for (std::uint32_t i = 1; i <= n; ++i) {
    if (holder{row[i]}.worker() != w) continue;
    if (!coming) row[i] = w;
    return false;
  }
  const std::size_t taken = (n + 1) * sizeof(std::uint32_t);
  if (block_pool::capacity(taken) < taken + sizeof(std::uint32_t)) {
    const block_pool::ref block = pool_.allocate(taken + sizeof(std::uint32_t));
    std::memcpy(pool_.at(block), row, taken);
    pool_.free(r.holders, taken);
    r.holders = block;
    row = pool_.row(block);
  }
  row[++row[0]] = added;
  return true;
}

bool task_table::remove_holder(slot t, worker_index w) noexcept {
  task_record& r = (*this)[t];
  if (r.holders == no_holder) return false;
  if (is_alone(r.holders)) {
    if (holder{r.holders}.worker() != w) return false;
    r.holders = no_holder;
    return true;
  }
  std::uint32_t* row = pool_.row(r.holders);
  const std::uint32_t n = row[0];
  std::uint32_t* at = std::find_if(row + 1, row + 1 + n, [&](std::uint32_t h) { return holder{h}.worker() == w; });
  if (at == row + 1 + n) return false;
  std::copy(at + 1, row + 1 + n, at);
  if (--row[0] == 1) {
    const std::uint32_t left = row[1];
    pool_.free(r.holders, (n + 1) * sizeof(std::uint32_t));
    r.holders = left | alone_bits;
  } else if (block_pool::capacity(n * sizeof(std::uint32_t)) !=
             block_pool::capacity((n + 1) * sizeof(std::uint32_t))) {
    // Blocks are freed by the size that their count says.
    const block_pool::ref block = pool_.allocate(n * sizeof(std::uint32_t));
    std::memcpy(pool_.at(block), row, n * sizeof(std::uint32_t));
    pool_.free(r.holders, (n + 1) * sizeof(std::uint32_t));
    r.holders = block;
  }
  return true;
}

void task_table::clear_holders(slot t) noexcept {
  task_record& r = (*this)[t];
  if (r.holders != no_holder && !is_alone(r.holders))
    pool_.free(r.holders, (pool_.row(r.holders)[0] + 1) * sizeof(std::uint32_t));
  r.holders = no_holder;
}

void task_table::rotate_holders(slot t) noexcept {
  const task_record& r = (*this)[t];
  if (r.holders == no_holder || is_alone(r.holders)) return;
  std::uint32_t* row = pool_.row(r.holders);
  std::rotate(row + 1, row + 2, row + 1 + row[0]);
}

// ---- ids ---------------------------------------------------------------------------------------------------------

void task_table::open_submitter(peer_id p) {
  if (p >= submitters_.size()) submitters_.resize(p + 1);
  submitters_[p] = std::make_unique<submitter>();
}

void task_table::close_submitter(peer_id p) noexcept {
  submitters_[p]->closed = true;
  if (submitters_[p]->tasks == 0) submitters_[p].reset();
}

slot task_table::find(task_id id) const noexcept {
  const peer_id p = submitter_of(id);
  if (p >= submitters_.size() || !submitters_[p]) return no_task;
  const submitter& s = *submitters_[p];
  const std::uint64_t n = number_of(id), at = n / page_tasks - s.base;
  if (n / page_tasks < s.base || at >= s.pages.size() || !s.pages[at]) return no_task;
  return s.pages[at]->slots[n % page_tasks];
}

std::uint64_t task_table::next_number(peer_id p) const noexcept {
  return p < submitters_.size() && submitters_[p] ? submitters_[p]->next : 0;
}

std::uint32_t task_table::tasks_of(peer_id p) const noexcept {
  return p < submitters_.size() && submitters_[p] ? submitters_[p]->tasks : 0;
}

void task_table::reserve(peer_id p, std::uint64_t next, std::uint64_t lowest) noexcept {
  submitter& s = *submitters_[p];
  s.next = std::max(s.next, next);
  s.lowest = lowest;
}

std::vector<task_id> task_table::all_of(peer_id p) const {
  std::vector<task_id> all;
  if (p >= submitters_.size() || !submitters_[p]) return all;
  const submitter& s = *submitters_[p];
  all.reserve(s.tasks);
  for (std::size_t at = 0; at < s.pages.size(); ++at) {
    if (!s.pages[at]) continue;
    for (std::size_t i = 0; i < page_tasks; ++i)
      if (s.pages[at]->slots[i] != no_task) all.push_back(make_task_id(p, (s.base + at) * page_tasks + i));
  }
  return all;
}

void task_table::index(task_id id, slot t) {
  submitter& s = *submitters_[submitter_of(id)];
  const std::uint64_t n = number_of(id);
  if (s.pages.empty()) s.base = std::min(n, s.lowest) / page_tasks;
  const std::uint64_t at = n / page_tasks - s.base;
  if (at >= s.pages.size()) s.pages.resize(at + 1);
  if (!s.pages[at]) {
    s.pages[at] = std::make_unique<page>();
    ++pages_;
  }
  s.pages[at]->slots[n % page_tasks] = t;
  ++s.pages[at]->used;
  ++s.tasks;
  s.next = std::max(s.next, n + 1);
}

void task_table::unindex(task_id id) noexcept {
  const peer_id p = submitter_of(id);
  submitter& s = *submitters_[p];
  const std::uint64_t n = number_of(id), at = n / page_tasks - s.base;
  page& in = *s.pages[at];
  in.slots[n % page_tasks] = no_task;
  --s.tasks;
  if (--in.used == 0) {
    s.pages[at].reset();
    --pages_;
    // The front is cut when half of the row is empty, so that a page's share of the cutting is constant.
    if (!s.pages[0]) {
      std::size_t empty = 0;
      while (empty < s.pages.size() && !s.pages[empty] && s.base + empty < s.lowest / page_tasks) ++empty;
      if (empty * 2 >= s.pages.size()) {
        s.pages.erase(s.pages.begin(), s.pages.begin() + static_cast<std::ptrdiff_t>(empty));
        s.base += empty;
      }
    }
  }
  if (s.closed && s.tasks == 0) submitters_[p].reset();
}

std::size_t task_table::record_bytes() const noexcept {
  std::size_t n = chunks_.size() * sizeof(chunk) + pages_ * sizeof(page);
  for (const auto& s : submitters_)
    if (s) n += s->pages.capacity() * sizeof(s->pages[0]);
  return n;
}

}  // namespace weft::net
