#pragma once

#include <cstdint>
#include <span>
#include <tuple>

#include "wire/messages.hpp"

namespace weft::net {

struct copies_record {
  std::uint32_t copies;
  std::uint32_t reserved;
};
/// Client to scheduler: the values of these tasks of its own are to be on so many workers, now or when they are
/// there.
struct replicate_values : copies_record {
  using record = copies_record;
  static constexpr message_kind kind = message_kind::replicate_values;
  std::span<const task_id> tasks;
  static auto parts(auto& m) noexcept { return std::tie(m.tasks); }
};
/// Client to scheduler: moves values from fuller workers to emptier ones.
struct rebalance_values : list_record {
  using record = list_record;
  static constexpr message_kind kind = message_kind::rebalance_values;
  static auto parts(auto&) noexcept { return std::tie(); }
};

struct question_record {
  std::uint64_t request;  // of the asking side
};
/// A client or a tool to the scheduler, answered by cluster_state. First it lets workers go, of these names or
/// addresses (with blanks between); those that are none are passed over.
struct ask_cluster : question_record {
  using record = question_record;
  static constexpr message_kind kind = message_kind::ask_cluster;
  std::span<const char> retire;
  static auto parts(auto& m) noexcept { return std::tie(m.retire); }
};

struct worker_counts {
  std::uint64_t values, memory_used, memory_limit;  // bytes
  std::uint32_t slots, leased, tasks;
  std::uint32_t mode;  // worker_mode
};
struct cluster_record {
  std::uint64_t request;
  std::uint32_t target;  // workers that the work asks for
  std::uint32_t reserved;
};
/// The workers of the client's program; to a tool, all.
struct cluster_state : cluster_record {
  using record = cluster_record;
  static constexpr message_kind kind = message_kind::cluster_state;
  std::span<const worker_counts> workers;
  std::span<const char> names;    // of each: its name, address, host and machine, a newline behind each of the four
  std::span<const char> waiting;  // why tasks wait for a worker: sentences, a newline behind each
  static auto parts(auto& m) noexcept { return std::tie(m.workers, m.names, m.waiting); }
};

}  // namespace weft::net
