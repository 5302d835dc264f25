#include "scheduler/cluster_view.hpp"

#include <cstdio>
#include <string_view>

namespace weft::net {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// `"key":[{...},{...}]`
template <class All, class F>
std::string list_of(std::string_view key, const All& all, F one) {
  std::string json = in_quotes(key) + ":[";
  bool first = true;
  for (const auto& x : all) {
    json += (first ? "" : ",") + one(x);
    first = false;
  }
  return json + "]";
}

std::string json_of(const worker_statistics& w) {
  return "{\"id\":" + std::to_string(w.peer) + ",\"name\":" + in_quotes(w.name) +
         ",\"address\":" + in_quotes(w.address) + ",\"host\":" + in_quotes(w.host) +
         ",\"machine\":" + in_quotes(w.machine) + ",\"mode\":" + in_quotes(name_of(w.mode)) +
         ",\"slots\":" + std::to_string(w.slots) + ",\"leased\":" + std::to_string(w.leased) +
         ",\"tasks\":" + std::to_string(w.assigned) + ",\"values\":" + std::to_string(w.value_bytes) +
         ",\"memory_used\":" + std::to_string(w.memory_used) + ",\"memory_limit\":" + std::to_string(w.memory_limit) +
         "}";
}

std::string json_of(const program_router::nanny_worker& n) {
  std::string json = "{\"name\":" + in_quotes(n.nanny);
  if (!n.program.empty()) {
    json += ",\"program\":" + in_quotes(n.program) + ",\"worker\":" + in_quotes(name_of(n.life));
    if (n.life == worker_life::started)
      json += ",\"process\":" + std::to_string(n.process);
    else if (n.life != worker_life::waiting)
      json += ",\"status\":" + std::to_string(n.process);
  }
  return json + "}";
}

std::string json_of(const cluster_view& all) {
  const scheduler_statistics& s = all.counts;
  return "{\"clients\":" + std::to_string(s.clients) + ",\"slots\":" + std::to_string(s.slots - s.leaving_slots) +
         ",\"leaving\":" + std::to_string(s.leaving) + ",\"target\":" + std::to_string(all.target) +
         ",\"pending\":" + std::to_string(s.pending) + ",\"tasks\":" + std::to_string(s.tasks) +
         ",\"submitted\":" + std::to_string(s.submitted) + ",\"done\":" + std::to_string(s.done) +
         ",\"failed\":" + std::to_string(s.failed) + ",\"cancelled\":" + std::to_string(s.cancelled) +
         ",\"leases\":" + std::to_string(s.leases) + ",\"leases_waiting\":" + std::to_string(s.leases_waiting) +
         ",\"leased_calls\":" + std::to_string(s.leased_calls) + "," +
         list_of("waiting", all.waiting, [](const std::string& text) { return in_quotes(text); }) + "," +
         list_of("workers", all.workers, [](const auto& w) { return json_of(w); }) + "," +
         list_of("nannies", all.nannies, [](const auto& n) { return json_of(n); }) + "}\n";
}

template <class... A>
void print(std::string& to, const char* format, A... values) {
  char line[512];
  std::snprintf(line, sizeof line, format, values...);
  to += line;
}

std::string state_of(const program_router::nanny_worker& n) {
  if (n.life == worker_life::started) return "process " + std::to_string(n.process);
  if (n.life == worker_life::waiting) return "waits for a place";
  return (n.life == worker_life::ended ? "ended with status " : "starts again after status ") +
         std::to_string(n.process);
}

std::string table_of(const cluster_view& all) {
  const scheduler_statistics& s = all.counts;
  std::string text;
  print(text, "%zu clients, %zu workers with %zu slots (%u wanted)", s.clients, s.workers - s.leaving,
        s.slots - s.leaving_slots, all.target);
  if (s.leaving != 0) print(text, ", %zu more on their way out", s.leaving);
  print(text, "; %zu tasks now", s.tasks);
  if (s.pending != 0) print(text, ", %llu more behind them", static_cast<unsigned long long>(s.pending));
  print(text, ", %llu done, %llu failed\n", static_cast<unsigned long long>(s.done),
        static_cast<unsigned long long>(s.failed));
  if (s.leases != 0)
    print(text, "%zu leases of %zu slots, %zu of them wait; %llu calls were made straight\n", s.leases,
          s.leased_slots, s.leases_waiting, static_cast<unsigned long long>(s.leased_calls));
  for (const std::string& sentence : all.waiting) (text += sentence) += '\n';
  if (!all.workers.empty())
    print(text, "%-32s %-9s %6s %6s %8s %12s %12s  %s\n", "worker", "mode", "slots", "leased", "tasks", "values",
          "memory", "address");
  for (const worker_statistics& w : all.workers) {
    print(text, "%-32.32s %-9s %6u %6u %8u %9.1f MB %9.1f MB  ", w.name.c_str(), std::string(name_of(w.mode)).c_str(),
          w.slots, w.leased, w.assigned, static_cast<double>(w.value_bytes) / 1e6,
          static_cast<double>(w.memory_limit) / 1e6);
    text += w.address + '\n';
  }
  if (!all.nannies.empty()) print(text, "%-32s %-32s %s\n", "nanny", "program", "its worker");
  for (const auto& n : all.nannies)
    if (n.program.empty())
      print(text, "%-32.32s none\n", n.nanny.c_str());
    else
      print(text, "%-32.32s %-32.32s %s\n", n.nanny.c_str(), n.program.c_str(), state_of(n).c_str());
  return text;
}

}  // namespace

std::string describe(const cluster_view& all, bool as_json) { return as_json ? json_of(all) : table_of(all); }

}  // namespace weft::net
