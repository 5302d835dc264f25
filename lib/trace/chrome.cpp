#include "trace/chrome.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <ostream>

#include "trace/symbols.hpp"
#include "trace/task_names.hpp"

namespace weft::detail {

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

class writer {
 public:
  writer(std::ostream& out, std::uint64_t origin, double ticks_per_us)
      : out_(out), origin_(origin), rate_(ticks_per_us) {}

  void begin() { out_ << "{\"displayTimeUnit\":\"ns\",\"traceEvents\":["; }
  void end() { out_ << "\n]}\n"; }

  void thread_name(std::size_t thread, const std::string& name) {
    head("M", thread) << ",\"name\":\"thread_name\",\"args\":{\"name\":" << quoted(name) << "}}";
    head("M", thread) << ",\"name\":\"thread_sort_index\",\"args\":{\"sort_index\":" << thread << "}}";
  }
  void slice(std::size_t thread, const std::string& name, std::uint64_t from, std::uint64_t to) {
    head("X", thread) << ",\"ts\":" << us(from) << ",\"dur\":" << span(from, to) << ",\"name\":" << quoted(name)
                      << "}";
  }
  void mark(std::size_t thread, const std::string& name, std::uint64_t at) {
    head("i", thread) << ",\"s\":\"t\",\"ts\":" << us(at) << ",\"name\":" << quoted(name) << "}";
  }
  void file(std::size_t thread, const char* phase, std::uint64_t id, std::uint64_t at) {
    head(phase, thread) << ",\"cat\":\"file\",\"id\":" << id << ",\"ts\":" << us(at) << ",\"name\":\"file\"}";
  }

 private:
  std::ostream& head(const char* phase, std::size_t thread) {
    out_ << (first_ ? "\n" : ",\n") << "{\"ph\":\"" << phase << "\",\"pid\":1,\"tid\":" << thread;
    first_ = false;
    return out_;
  }
  std::string us(std::uint64_t at) const { return span(origin_, at); }
  std::string span(std::uint64_t from, std::uint64_t to) const {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", static_cast<double>(to - from) / rate_);
    return text;
  }

  std::ostream& out_;
  const std::uint64_t origin_;
  const double rate_;
  bool first_ = true;
};

}  // namespace

void write_chrome_trace(std::ostream& out, const std::vector<thread_trace>& threads, double ticks_per_us) {
  std::uint64_t origin = ~std::uint64_t{0};
  for (const thread_trace& t : threads)
    for (const trace_event& e : t.events) origin = std::min(origin, e.time);
  symbols names;
  writer w(out, origin, ticks_per_us);
  w.begin();
  for (std::size_t t = 0; t < threads.size(); ++t) {
    w.thread_name(t, threads[t].name);
    // A ring keeps the last events: an end without its beginning is dropped, a beginning without an end lasts until
    // the thread's last event.
    std::optional<trace_event> running, named, parked;
    for (const trace_event& e : threads[t].events) {
      switch (e.kind) {
        case trace_kind::task_begin:
          running = e;
          break;
        case trace_kind::task_end:
          if (running) w.slice(t, names.name_of(running->payload), running->time, e.time);
          running.reset();
          break;
        case trace_kind::name_begin:
          named = e;
          break;
        case trace_kind::name_end:
          if (named) w.slice(t, name_of_number(named->payload), named->time, e.time);
          named.reset();
          break;
        case trace_kind::park:
          parked = e;
          break;
        case trace_kind::wake:
          if (parked) w.slice(t, "parked", parked->time, e.time);
          parked.reset();
          break;
        case trace_kind::steal:
          w.mark(t, "steal from " + threads[e.payload].name, e.time);
          break;
        case trace_kind::events:
          w.mark(t, "events", e.time);
          break;
        case trace_kind::io_begin:
          w.file(t, "b", e.payload, e.time);
          break;
        case trace_kind::io_end:
          w.file(t, "e", e.payload, e.time);
          break;
      }
    }
    if (!threads[t].events.empty()) {
      const std::uint64_t last = threads[t].events.back().time;
      if (running) w.slice(t, names.name_of(running->payload), running->time, last);
      if (named) w.slice(t, name_of_number(named->payload), named->time, last);
      if (parked) w.slice(t, "parked", parked->time, last);
    }
  }
  w.end();
}

}  // namespace weft::detail
