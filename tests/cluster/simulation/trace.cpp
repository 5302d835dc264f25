#include "cluster/simulation/trace.hpp"

#include "cluster/simulation/process.hpp"
#include "wire/graph.hpp"
#include "wire/messages.hpp"

namespace weft::net::simulation {

namespace {

std::string id_text(task_id id) { return std::to_string(submitter_of(id)) + "." + std::to_string(number_of(id)); }

template <class M>
std::string ids(const char* what, const M& m) {
  std::string text = what;
  for (const task_id id : m.tasks) text += " " + id_text(id);
  return text;
}
template <class M>
std::string attempts(const char* what, const M& m) {
  std::string text = what;
  for (const attempt_ref& a : m.tasks) text += " " + id_text(a.id) + "#" + std::to_string(a.attempt);
  return text;
}
template <class M>
std::string place(const char* what, const M& m) {
  return std::string(what) + " " + id_text(m.id) + " at " + std::to_string(m.worker);
}

std::string describe_one(std::uint16_t kind, const batch_reader& r) {
  switch (static_cast<message_kind>(kind)) {
    case message_kind::peer_info:
      return "peer_info " + std::to_string(r.get<peer_info>().peer);
    case message_kind::peer_gone:
      return "peer_gone " + std::to_string(r.get<peer_gone>().peer);
    case message_kind::submit_task: {
      const auto m = r.get<submit_task>();
      std::string text = "submit_task " + id_text(m.id) + " flags " + std::to_string(m.flags) + " of";
      for (const task_id i : m.inputs) text += " " + id_text(i);
      return text;
    }
    case message_kind::begin_graph: {
      const auto m = r.get<begin_graph>();
      std::string text = "begin_graph " + id_text(m.first) + " of " + std::to_string(m.count) + " takes";
      for (const task_id i : m.others) text += " " + id_text(i);
      return text;
    }
    case message_kind::graph_part: {
      const auto m = r.get<graph_part>();
      return "graph_part " + id_text(m.graph) + ": " + std::to_string(m.tasks) + " tasks";
    }
    case message_kind::release_tasks:
      return ids("release_tasks", r.get<release_tasks>());
    case message_kind::cancel_tasks:
      return ids("cancel_tasks", r.get<cancel_tasks>());
    case message_kind::retry_tasks:
      return ids("retry_tasks", r.get<retry_tasks>());
    case message_kind::locate_tasks:
      return ids("locate_tasks", r.get<locate_tasks>());
    case message_kind::withdraw_offers:
      return ids("withdraw_offers", r.get<withdraw_offers>());
    case message_kind::unreached_offers:
      return ids("unreached_offers", r.get<unreached_offers>());
    case message_kind::want_offer:
      return place("want_offer", r.get<want_offer>());
    case message_kind::drop_offers:
      return ids("drop_offers", r.get<drop_offers>());
    case message_kind::claim_offers:
      return "claim_offers of " + std::to_string(r.get<claim_offers>().submitter);
    case message_kind::stop_values:
      return "stop_values of request " + std::to_string(r.get<stop_values>().request);
    case message_kind::values_stopped:
      return "values_stopped of request " + std::to_string(r.get<values_stopped>().request);
    case message_kind::task_finished:
      return place("task_finished", r.get<task_finished>());
    case message_kind::task_failed: {
      const auto m = r.get<task_failed>();
      return "task_failed " + id_text(m.id) + " " + std::string(m.type.begin(), m.type.end());
    }
    case message_kind::task_cancelled:
      return ids("task_cancelled", r.get<task_cancelled>());
    case message_kind::task_restarted:
      return ids("task_restarted", r.get<task_restarted>());
    case message_kind::run_task: {
      const auto m = r.get<run_task>();
      std::string text = "run_task " + id_text(m.id) + "#" + std::to_string(m.attempt) + " of";
      for (const input_ref& i : m.inputs)
        text += " " + id_text(i.id) + "@" + std::to_string(i.worker) + (i.given != 0 ? " with it" : "");
      return text;
    }
    case message_kind::drop_values:
      return ids("drop_values", r.get<drop_values>());
    case message_kind::stop_tasks:
      return attempts("stop_tasks", r.get<stop_tasks>());
    case message_kind::retract_tasks:
      return attempts("retract_tasks", r.get<retract_tasks>());
    case message_kind::copy_value:
      return place("copy_value", r.get<copy_value>());
    case message_kind::value_at:
      return place("value_at", r.get<value_at>());
    case message_kind::set_mode:
      return "set_mode " + std::to_string(r.get<set_mode>().mode);
    case message_kind::done_task: {
      const auto m = r.get<done_task>();
      return "done_task " + id_text(m.id) + "#" + std::to_string(m.attempt);
    }
    case message_kind::failed_task: {
      const auto m = r.get<failed_task>();
      return "failed_task " + id_text(m.id) + "#" + std::to_string(m.attempt);
    }
    case message_kind::cancelled_task:
      return attempts("cancelled_task", r.get<cancelled_task>());
    case message_kind::missing_value:
      return place("missing_value", r.get<missing_value>());
    case message_kind::retracted_task: {
      const auto m = r.get<retracted_task>();
      return "retracted_task " + id_text(m.id) + "#" + std::to_string(m.attempt) +
             (m.given_back ? " given back" : " kept");
    }
    case message_kind::value_added:
      return place("value_added", r.get<value_added>());
    case message_kind::value_dropped:
      return ids("value_dropped", r.get<value_dropped>());
    case message_kind::heartbeat:
      return "heartbeat";
    case message_kind::get_values:
      return ids("get_values", r.get<get_values>());
    case message_kind::value_header:
      return "value_header " + id_text(r.get<value_header>().id);
    case message_kind::value_missing:
      return "value_missing " + id_text(r.get<value_missing>().id);
    default:
      return "kind " + std::to_string(kind);
  }
}

}  // namespace

std::string describe_messages(std::span<const std::byte> messages) {
  std::string text;
  batch_reader reader(messages);
  std::uint16_t kind = 0;
  while (reader.next(kind)) {
    if (kind == static_cast<std::uint16_t>(message_kind::heartbeat)) continue;
    text += "    " + describe_one(kind, reader) + "\n";
  }
  return text;
}

}  // namespace weft::net::simulation
