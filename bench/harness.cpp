#include "harness.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>

namespace bench {

std::vector<measurement>& all_measurements() {
  static std::vector<measurement> all;
  return all;
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double> v, double q) {
  std::sort(v.begin(), v.end());
  const auto last = static_cast<double>(v.size() - 1);
  return v[static_cast<std::size_t>(std::lround(q * last))];
}

namespace {

/// The peak of this process's memory since reset_peak(); Linux keeps it in the process's status.
void reset_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }

long peak_mib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      long kib = 0;
      status >> kib;
      return kib / 1024;
    }
  return 0;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

}  // namespace

outcome measure(const measurement& m, const settings& s) {
  reset_peak();
  outcome o;
  o.name = m.name;
  o.unit = m.unit;
  o.threads = s.threads;
  sides both;
  try {
    both = m.prepare(s);
  } catch (const not_here& why) {
    o.note = why.what();
    return o;
  }
  const bool against = both.peer && s.peers;
  both.weft();
  if (against) both.peer();
  std::vector<double> weft, peer, ratios;
  for (int run = 0; run < s.runs; ++run) {
    weft.push_back(both.weft());
    if (!against) continue;
    peer.push_back(both.peer());
    ratios.push_back(weft.back() / peer.back());
  }
  o.weft = quantile(weft, 0.5);
  o.min = *std::min_element(weft.begin(), weft.end());
  o.max = *std::max_element(weft.begin(), weft.end());
  o.runs = s.runs;
  if (against) {
    o.peer = both.peer_name;
    o.peer_value = quantile(peer, 0.5);
    o.ratio = quantile(ratios, 0.5);
  }
  o.note = both.late_note ? both.late_note() : both.note;
  if (!s.peers && both.peer) o.note += std::string(o.note.empty() ? "" : "; ") + "peers left out by --peers=no";
  o.peak_rss_mib = peak_mib();
  return o;
}

std::string to_json(const outcome& o) {
  const auto optional = [](const std::optional<double>& v) { return v ? number(*v) : std::string("null"); };
  const auto measured = [&](double v) { return o.runs ? number(v) : std::string("null"); };
  return "{\"bench\":\"" + o.name + "\",\"unit\":\"" + o.unit + "\",\"weft\":" + measured(o.weft) +
         ",\"min\":" + measured(o.min) + ",\"max\":" + measured(o.max) + ",\"runs\":" + std::to_string(o.runs) +
         ",\"threads\":" + std::to_string(o.threads) +
         ",\"peer\":" + (o.peer.empty() ? "null" : "\"" + escaped(o.peer) + "\"") +
         ",\"peer_value\":" + optional(o.peer_value) + ",\"ratio\":" + optional(o.ratio) +
         ",\"peak_rss_mib\":" + std::to_string(o.peak_rss_mib) + ",\"note\":\"" + escaped(o.note) + "\"}";
}

}  // namespace bench
