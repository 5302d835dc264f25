#pragma once

#include <cstdint>

namespace weft::net {

/// A client, a worker, or another process that has a session with the scheduler: given by the scheduler when the
/// session begins, never twice. 24 bits; 0 is the scheduler itself.
using peer_id = std::uint32_t;
inline constexpr peer_id the_scheduler = 0;
inline constexpr unsigned peer_bits = 24;

/// A task, and then its value: the peer that submitted it, and its number there, from 1. Numbers of one peer are
/// dense, so that tables are arrays. 0: none.
using task_id = std::uint64_t;
inline constexpr unsigned number_bits = 64 - peer_bits;
constexpr task_id make_task_id(peer_id submitter, std::uint64_t number) noexcept {
  return task_id{submitter} << number_bits | number;
}
constexpr peer_id submitter_of(task_id id) noexcept { return static_cast<peer_id>(id >> number_bits); }
constexpr std::uint64_t number_of(task_id id) noexcept { return id & ((std::uint64_t{1} << number_bits) - 1); }

/// A submitter as one that gives the values that it offers. As a peer it may be another: a worker gives what its
/// tasks have made, and the client within it what these have scattered.
constexpr peer_id giver_of(peer_id submitter) noexcept { return submitter | peer_id{1} << peer_bits; }
constexpr bool is_giver(peer_id peer) noexcept { return peer >> peer_bits != 0; }

/// Nanoseconds since some beginning of the process (or of the simulation) that does not matter.
using time_ns = std::int64_t;

}  // namespace weft::net
