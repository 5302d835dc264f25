#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>

#include "wire/messages.hpp"

namespace weft::net {

/// A lease, by a number of the client that holds it: make_task_id of the client and 1, 2, ... Only who knows the
/// secret, which the client has chosen, may call under it.
using lease_id = std::uint64_t;

struct lease_request_record {
  lease_id lease;
  std::uint64_t secret;
  std::uint32_t slots;
  std::uint32_t reserved;
};
/// Client to scheduler: wants slots of one worker that has these resources besides, as long as it holds the lease.
struct lease_request : lease_request_record {
  using record = lease_request_record;
  static constexpr message_kind kind = message_kind::lease_request;
  std::span<const char> resources;  // `gpu=1 licence=0.5`
  static auto parts(auto& m) noexcept { return std::tie(m.resources); }
};

struct lease_record {
  lease_id lease;
};
/// Client to scheduler: it is held no more, or no longer wanted.
struct lease_release : lease_record {
  using record = lease_record;
  static constexpr message_kind kind = message_kind::lease_release;
  static auto parts(auto&) noexcept { return std::tie(); }
};

struct granted_record {
  lease_id lease;
  peer_id worker;
  std::uint32_t reserved;
};
/// Scheduler to client: this worker has opened the lease.
struct lease_granted : granted_record {
  using record = granted_record;
  static constexpr message_kind kind = message_kind::lease_granted;
  std::span<const char> address;  // of the worker's listener
  std::span<const char> name;
  static auto parts(auto& m) noexcept { return std::tie(m.address, m.name); }
};
/// Scheduler to client: the worker is gone, or is let go. The request stands: another lease_granted follows when
/// there is a worker.
struct lease_lost : lease_record {
  using record = lease_record;
  static constexpr message_kind kind = message_kind::lease_lost;
  std::span<const char> text;  // why
  static auto parts(auto& m) noexcept { return std::tie(m.text); }
};

struct open_record {
  lease_id lease;
  std::uint64_t secret;
  std::uint32_t slots;
  std::uint32_t attempt;  // grows with each worker that is asked
};
/// Scheduler to worker: keeps so many slots free for calls of the lease. Answered by lease_opened.
struct open_lease : open_record {
  using record = open_record;
  static constexpr message_kind kind = message_kind::open_lease;
  static auto parts(auto&) noexcept { return std::tie(); }
};
struct opened_record {
  lease_id lease;
  std::uint32_t attempt;
  std::uint32_t reserved;
};
/// Scheduler to worker (close_lease): calls of the lease are cancelled, and none is taken any more. Worker to
/// scheduler (lease_opened): whoever knows the secret may call from now on.
using close_lease = plain_message<opened_record, message_kind::close_lease>;
using lease_opened = plain_message<opened_record, message_kind::lease_opened>;

struct leased_record {
  std::uint64_t offset;  // of the function in its module
  std::uint64_t done, failed, cancelled;
  std::uint64_t nanoseconds;  // that those which are done ran, all together
  std::uint64_t bytes;        // of their results, encoded
};
/// Worker to scheduler: calls of one function that clients have made straight, since it was said last.
struct leased_report : leased_record {
  using record = leased_record;
  static constexpr message_kind kind = message_kind::leased_report;
  std::span<const std::byte> build_id;  // of the module
  static auto parts(auto& m) noexcept { return std::tie(m.build_id); }
};

struct claim_record {
  lease_id lease;
  std::uint64_t secret;
};
/// Client to worker, on a link of its own: what follows on it is calls of this lease, and what they need.
struct lease_claim : claim_record {
  using record = claim_record;
  static constexpr message_kind kind = message_kind::lease_claim;
  static auto parts(auto&) noexcept { return std::tie(); }
};

struct call_record {
  std::uint64_t request;  // of the lease, growing
  function_ref function;
};
struct lease_call : call_record {
  using record = call_record;
  static constexpr message_kind kind = message_kind::lease_call;
  std::span<const std::byte> call;
  static auto parts(auto& m) noexcept { return std::tie(m.call); }
};
struct cancel_record {
  std::uint64_t request;
};
/// Client to worker: nobody waits for it any more. One that has not begun never will, a coroutine is asked to stop.
struct lease_cancel : cancel_record {
  using record = cancel_record;
  static constexpr message_kind kind = message_kind::lease_cancel;
  static auto parts(auto&) noexcept { return std::tie(); }
};

enum class call_end : std::uint32_t { value, failed, cancelled };
struct result_record {
  std::uint64_t request;
  std::uint32_t end;  // call_end
  std::uint32_t reserved;
};
/// Worker to client: each call ends once.
struct lease_result : result_record {
  using record = result_record;
  static constexpr message_kind kind = message_kind::lease_result;
  std::span<const std::byte> value;
  std::span<const char> function;  // of a failure, as in task_failed
  std::span<const char> type;
  std::span<const char> text;
  std::span<const char> path;
  static auto parts(auto& m) noexcept { return std::tie(m.value, m.function, m.type, m.text, m.path); }
};

}  // namespace weft::net
