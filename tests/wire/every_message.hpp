#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include "wire/cluster_messages.hpp"
#include "wire/graph.hpp"
#include "wire/handshake.hpp"
#include "wire/lease_messages.hpp"
#include "wire/random.hpp"

namespace weft::test {

/// Every type of message there is. A type that is missing here is not tested.
using every_message =
    std::tuple<net::define_module, net::define_options, net::peer_info, net::peer_gone, net::submit_task,
               net::release_tasks, net::cancel_tasks, net::retry_tasks, net::locate_tasks, net::withdraw_offers,
               net::unreached_offers, net::begin_graph, net::graph_part, net::task_finished, net::task_failed,
               net::task_cancelled, net::task_restarted, net::want_offer, net::drop_offers, net::run_task,
               net::drop_values, net::stop_tasks, net::retract_tasks, net::copy_value, net::value_at, net::set_mode,
               net::done_task, net::failed_task, net::cancelled_task, net::missing_value, net::retracted_task,
               net::value_added, net::value_dropped, net::heartbeat, net::worker_machine, net::get_values,
               net::value_header, net::value_missing, net::claim_offers, net::stop_values, net::values_stopped,
               net::push_value, net::give_value, net::pushed_value, net::ask_info, net::info, net::program_wanted,
               net::program_offer, net::program_chunk, net::program_missing, net::program_ready, net::program_failed,
               net::program_clients, net::worker_state, net::lease_request, net::lease_release, net::lease_granted,
               net::lease_lost, net::open_lease, net::close_lease, net::lease_opened, net::leased_report,
               net::lease_claim, net::lease_call, net::lease_cancel, net::lease_result, net::replicate_values,
               net::rebalance_values, net::ask_cluster, net::cluster_state, net::hello, net::welcome, net::refuse>;

/// f.template operator()<M>() for each.
template <class F>
void for_each_message(F&& f) {
  [&]<class... M>(std::type_identity<std::tuple<M...>>) {
    (f.template operator()<M>(), ...);
  }(std::type_identity<every_message>());
}

/// A message of random bytes, with parts of up to `most` elements, and the memory of its parts.
template <class M>
struct random_message {
  random_message(random_numbers& r, std::size_t most) {
    const auto bytes = r.bytes(sizeof(net::record_of<M>));
    std::memcpy(static_cast<net::record_of<M>*>(&message), bytes.data(), bytes.size());
    std::apply(
        [&](auto&... part) {
          (([&] {
             using element = std::remove_reference_t<decltype(part[0])>;
             const std::size_t n = r.below(most + 1);
             const auto content = r.bytes(n * sizeof(element));
             memory.push_back(std::make_unique<std::uint64_t[]>(content.size() / 8 + 1));
             std::copy(content.begin(), content.end(), reinterpret_cast<std::byte*>(memory.back().get()));
             part = {reinterpret_cast<const element*>(memory.back().get()), n};
           }()),
           ...);
        },
        M::parts(message));
  }
  M message;
  std::vector<std::unique_ptr<std::uint64_t[]>> memory;
};

template <class M>
bool same(const M& a, const M& b) {
  using record = net::record_of<M>;
  if (std::memcmp(static_cast<const record*>(&a), static_cast<const record*>(&b), sizeof(record)) != 0) return false;
  const auto equal = [](const auto& x, const auto& y) {
    const auto p = std::as_bytes(x), q = std::as_bytes(y);
    return p.size() == q.size() && (p.empty() || std::memcmp(p.data(), q.data(), p.size()) == 0);
  };
  const auto pa = M::parts(a), pb = M::parts(b);
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return (equal(std::get<I>(pa), std::get<I>(pb)) && ...);
  }(std::make_index_sequence<std::tuple_size_v<std::remove_const_t<decltype(pa)>>>());
}

/// Reads a batch as a receiver would, whatever is in it: every byte of every message is looked at, and added up.
inline std::uint64_t read_all(std::span<const std::byte> batch) {
  std::uint64_t sum = 0;
  net::batch_reader reader(batch);
  std::uint16_t kind = 0;
  while (reader.next(kind)) {
    for_each_message([&]<class M>() {
      if (kind != static_cast<std::uint16_t>(M::kind)) return;
      const M m = reader.get<M>();
      const auto add = [&](std::span<const std::byte> bytes) {
        for (const auto b : bytes) sum = sum * 31 + std::to_integer<std::uint64_t>(b);
      };
      add(std::as_bytes(std::span(static_cast<const net::record_of<M>*>(&m), 1)));
      std::apply([&](const auto&... part) { (add(std::as_bytes(part)), ...); }, M::parts(m));
    });
  }
  return sum;
}

}  // namespace weft::test
